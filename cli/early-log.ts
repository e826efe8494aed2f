/** Lines of what starts before there is a log: kept, and written in their order as soon as there is one. */
import type { Log } from '../model/log.ts';

export class EarlyLog implements Log {
  #kept: ((log: Log) => void)[] = [];
  #log: Log | undefined;

  info(fields: object, message: string): void {
    this.#write((log) => log.info(fields, message));
  }

  warn(fields: object, message: string): void {
    this.#write((log) => log.warn(fields, message));
  }

  #write(line: (log: Log) => void): void {
    if (this.#log === undefined) this.#kept.push(line);
    else line(this.#log);
  }

  continueIn(log: Log): void {
    this.#log = log;
    for (const line of this.#kept.splice(0)) line(log);
  }
}
