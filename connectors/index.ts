/** Every connector that ships. A new one is a folder and a line here. */
import { file } from './file/connector.ts';
import { http } from './http/connector.ts';
import type { AnyConnector } from './kit/index.ts';
import { shell } from './shell/connector.ts';
import { sql } from './sql/connector.ts';
import { tutti } from './tutti/connector.ts';

export const CONNECTORS: readonly AnyConnector[] = [tutti, shell, http, sql, file];
