/**
 * Expressions of the file: each is compiled with the types of its place, every mistake is
 * reported at its character, and the tasks that it refers to are noted.
 */
import type { TypeSource } from '../expression.ts';
import {
  type ExpressionTypes,
  ExpressionError,
  compileExpression,
  describeTypes,
} from '../expression.ts';
import type { ExpressionPlace } from '../expression/check.ts';
import { OPENING, splitTemplate } from '../expression/template.ts';
import { type Path, type Report, isRecord } from '../../model/issue.ts';

interface Where {
  readonly path: Path;
  readonly place: ExpressionPlace;
  /** The task it belongs to, which cannot refer to itself. */
  readonly task?: string;
}

export class Expressions {
  readonly #typesAt: (place: ExpressionPlace) => ExpressionTypes;
  readonly #report: Report;

  constructor(source: TypeSource, report: Report) {
    this.#typesAt = describeTypes(source);
    this.#report = report;
  }

  /** A bare expression; gives the names of the tasks it refers to. */
  expression(source: string, where: Where, expects: 'bool' | 'list'): readonly string[] {
    return this.#compile(source, 0, where, expects);
  }

  /** Every `${{ }}` inside a value. */
  template(value: unknown, where: Where): readonly string[] {
    if (typeof value === 'string') return value.includes(OPENING) ? this.#text(value, where) : [];
    if (Array.isArray(value)) {
      return value.flatMap((item, position) => {
        return this.template(item, { ...where, path: [...where.path, position] });
      });
    }
    if (!isRecord(value)) return [];
    return Object.entries(value).flatMap(([key, item]) => {
      return this.template(item, { ...where, path: [...where.path, key] });
    });
  }

  #text(text: string, where: Where): readonly string[] {
    try {
      return splitTemplate(text).flatMap((piece) => {
        return piece.kind === 'text' ? [] : this.#compile(piece.text, piece.offset, where);
      });
    } catch (error) {
      return this.#complain(error, 0, where);
    }
  }

  #compile(
    source: string,
    shift: number,
    where: Where,
    expects?: 'bool' | 'list',
  ): readonly string[] {
    try {
      const { references, tasks, type } = compileExpression(source, this.#typesAt(where.place));
      const itself = references.find(({ task }) => task === where.task);
      if (itself !== undefined) {
        throw new ExpressionError('a task cannot refer to itself', itself.offset);
      }
      if (expects !== undefined && !fits(type, expects)) {
        const wanted = expects === 'bool' ? 'true or false' : 'a list';
        throw new ExpressionError(`the expression must give ${wanted}, but gives ${type}`, 0);
      }
      return tasks;
    } catch (error) {
      return this.#complain(error, shift, where);
    }
  }

  #complain(error: unknown, shift: number, { path }: Where): readonly string[] {
    if (!(error instanceof ExpressionError)) throw error;
    const { message, hint } = error;
    const offset = (error.offset ?? 0) + shift;
    this.#report({ code: 'expression', message, path, offset, hint });
    return [];
  }
}

function fits(type: string, expects: 'bool' | 'list'): boolean {
  return type.startsWith('dyn') || type === expects || type.startsWith(`${expects}<`);
}
