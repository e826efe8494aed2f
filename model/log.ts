/** Where a part of Tutti tells an operator what it does by itself: fields first, then a sentence. A logger of pino is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export const SILENT: Log = { info: () => undefined, warn: () => undefined };
