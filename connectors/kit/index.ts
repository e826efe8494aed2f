/**
 * What a connector's author needs, and nothing else. The conformance suite is imported from
 * `conformance.ts` by tests only: it brings the test runner with it.
 */
export {
  ActionFailure,
  defineAction,
  defineConnector,
  type Action,
  type ActionContext,
  type AnyConnector,
  type CallAction,
  type Connector,
  type JobAction,
  type JobState,
  type LogChunk,
  type LogStream,
  type TraceContext,
} from './connector.ts';
export { catalogueOf } from './catalogue.ts';
export { textValue } from './text.ts';
export { durationMs, durationText } from './duration.ts';
export { boundedOutput, OUTPUT_LIMIT_BYTES, outputTooLarge } from './output.ts';
export { NESTING, problemSentence, readJson } from '../../model/json-text.ts';
export { readJsonBytes, readText } from '../../model/text-bytes.ts';
