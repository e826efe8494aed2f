/** Every connector that ships. A new one is a folder and a line here. */
import type { AnyConnector } from './kit/index.ts';
import { tutti } from './tutti/connector.ts';

export const CONNECTORS: readonly AnyConnector[] = [tutti];
