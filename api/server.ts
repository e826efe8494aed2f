/**
 * The HTTP server: routes under `/api/v1`, errors as problem documents, an OpenAPI document that
 * derives from the same schemas. It listens on loopback and answers from the journal's views and
 * the door; it holds no state of its own but the requests that wait.
 *
 * Closing is graceful: waiting requests are answered at once, running ones end, then it is gone.
 */
import fastify, { LogController } from 'fastify';
import type { FastifyBaseLogger } from 'fastify';
import { validatorCompiler } from 'fastify-type-provider-zod';
import { bug, TuttiError } from '../model/errors.ts';
import { API_PREFIX } from '../protocol/route.ts';
import { readBodies } from './bodies.ts';
import { docsPage } from './docs-page.ts';
import type { Access } from './credentials.ts';
import { openGate } from './gate.ts';
import { guardFor } from './guard.ts';
import type { App } from './app.ts';
import type { ApiServices, ApiContext } from './context.ts';
import { rememberRequests } from './idempotency.ts';
import { Links } from './links.ts';
import { LongPolls } from './long-poll.ts';
import {
  answerBadAddress,
  answerNoRequest,
  answerTheRest,
  answerUnknownRoute,
  HEADERS,
} from './malformed.ts';
import { describe } from './openapi.ts';
import { PrivateName } from './private-name.ts';
import { answerProblem } from './problem.ts';
import { knowQueries } from './query.ts';
import { accessRoutes, enterRoute } from './routes/access.ts';
import { bulkRoutes } from './routes/bulk.ts';
import { retentionRoutes } from './routes/retention.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { forwardedRoutes } from './routes/forwarded.ts';
import { catalogueRoutes } from './routes/catalogue.ts';
import { commandRoutes } from './routes/commands.ts';
import { eventRoutes } from './routes/events.ts';
import { followingRoutes } from './routes/following.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoute } from './routes/metrics.ts';
import { runRoutes } from './routes/runs.ts';
import { workflowRoutes } from './routes/workflows.ts';
import { logRequests, REQUEST_ID, requestIdOf } from './request-log.ts';
import { Strangers } from './strangers.ts';
import { FeedReader } from './stream/feed-reader.ts';
import { type StreamLimits, Streams } from './stream/streams.ts';
import { Tail } from './stream/tail.ts';

const LOG_POLL_MS = 1000;
/** How long a request may say nothing while it arrives, and how long all of it may take. */
const SILENCE_MS = 10_000;
const WHOLE_MS = 120_000;
const LOOK_MS = 1_000;

interface ServerOptions {
  /** Of the application; in the OpenAPI document. */
  readonly version: string;
  /** Names besides those of loopback that the server may be called by. */
  readonly hosts?: readonly string[];
  readonly access: Access;
  readonly silenceMs?: number;
  readonly log?: FastifyBaseLogger;
  readonly logPollMs?: number;
  readonly streams?: StreamLimits;
}

/** Builds the application without listening; tests inject requests into it. */
export async function createApp(services: ApiServices, options: ServerOptions): Promise<App> {
  const app: App = fastify({
    ...(options.log === undefined ? { logger: false } : { loggerInstance: options.log }),
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'request' }),
    genReqId: requestIdOf,
    // Task references travel in the path; the default of 100 characters is too short for them.
    routerOptions: { maxParamLength: 2000 },
    requestTimeout: WHOLE_MS,
    http: {
      headersTimeout: options.silenceMs ?? SILENCE_MS,
      connectionsCheckingInterval: LOOK_MS,
      // The guard refuses a request without a host, in words.
      requireHostHeader: false,
    },
    // The hook below does, in the form of all errors.
    return503OnClosing: false,
    frameworkErrors: answerBadAddress,
    clientErrorHandler: answerNoRequest,
  });
  answerTheRest(app.server);
  const context = contextOf(app, services, options);
  app.setValidatorCompiler(validatorCompiler);
  // The compiler has checked what a handler answers. To check each answer again cost a second for a
  // large run, and one odd row of another node made every list that holds it a 500.
  app.setSerializerCompiler(() => (answer) => JSON.stringify(answer));
  app.setErrorHandler(answerProblem);
  app.setNotFoundHandler((request, reply) => answerUnknownRoute(request, reply));
  const guard = guardFor([...context.hosts, context.privateName.host]);
  let closing = false;
  app.addHook('onRequest', async (request, reply) => {
    reply.headers(HEADERS).header(REQUEST_ID, request.id);
    if (closing) throw new TuttiError('node.stopping');
    if (context.access.open) reply.header('tutti-auth', 'none');
    guard(request);
  });
  // Else a connection that is kept alive keeps the server from closing for a minute.
  app.addHook('onSend', async (_request, reply) => {
    if (closing) reply.header('connection', 'close');
  });
  logRequests(app);
  openGate(app, context);
  knowQueries(app);
  readBodies(app);
  app.addHook('preClose', async () => {
    closing = true;
    context.privateName.close();
    context.polls.close();
    context.streams.close();
  });
  await registerRoutes(app, context, options.version);
  return app;
}

function contextOf(app: App, services: ApiServices, options: ServerOptions): ApiContext {
  const source = new FeedReader(services.views);
  const tail = new Tail(source, {
    onCommit: services.onCommit,
    broken: (error) => app.log.warn({ err: error }, 'Reading the feed failed; Tutti tries again.'),
  });
  const context: ApiContext = {
    ...services,
    polls: new LongPolls(),
    streams: new Streams(source, tail, options.streams ?? {}),
    logPollMs: options.logPollMs ?? LOG_POLL_MS,
    access: options.access,
    links: new Links(),
    privateName: new PrivateName(options.access.token),
    strangers: new Strangers(),
    hosts: options.hosts ?? [],
    silenceMs: options.silenceMs ?? SILENCE_MS,
  };
  context.strangers.watch(app.server);
  app.addHook('onListen', async () => {
    const address = app.server.address();
    if (address !== null && typeof address === 'object') {
      await context.privateName.hold(app.server, address.port);
    }
  });
  return context;
}

async function registerRoutes(app: App, context: ApiContext, version: string): Promise<void> {
  await describe(app, version);
  healthRoutes(app, context);
  metricsRoute(app, context);
  enterRoute(app, context);
  await app.register(
    async (scope: App) => {
      rememberRequests(scope, context);
      workflowRoutes(scope, context);
      runRoutes(scope, context);
      followingRoutes(scope, context);
      eventRoutes(scope, context);
      commandRoutes(scope, context);
      bulkRoutes(scope, context);
      retentionRoutes(scope, context);
      catalogueRoutes(scope, context);
      accessRoutes(scope, context);
      nodeRoutes(scope, context);
      forwardedRoutes(scope, context);
    },
    { prefix: API_PREFIX },
  );
  await docsPage(app);
}

export interface RunningServer {
  /** `http://127.0.0.1:7700`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** `port` 0 takes any free one. */
export async function listen(app: App, host: string, port: number): Promise<RunningServer> {
  await app.listen({ host, port }).catch((error: unknown) => {
    const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!taken) throw error;
    throw new TuttiError('port.in-use', `Another program listens on port ${port}.`);
  });
  const address = app.server.address();
  if (address === null || typeof address === 'string') return bug('no port to listen on');
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    port: address.port,
    close: () => app.close(),
  };
}
