/** State that the routes share. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance, FastifyTypeProvider, RawServerDefault } from 'fastify';
import type { z } from 'zod';
import type { Logger } from '../base/logger.js';
import type { Tokens } from '../http/auth.js';
import type { Guards } from '../http/guards.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';
import type { Calls } from './call.js';
import type { Journal } from './journal.js';
import type { Metrics } from './metrics.js';
import type { ResolvedServerOptions } from './options.js';
import type { Ownership } from './ownership.js';
import type { Previews } from './ports/previews.js';
import type { Quotas } from './quotas.js';
import type { ServedSandboxes } from './served-sandboxes.js';
import type { ServedTasks } from './served-tasks.js';

/** Types of requests come from their schemas. Answers are not checked at run time: their schemas document them. */
interface TypeProvider extends FastifyTypeProvider {
  validator: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
  serializer: this['schema'] extends z.ZodType ? z.output<this['schema']> : unknown;
}

export type App = FastifyInstance<RawServerDefault, IncomingMessage, ServerResponse, FastifyBaseLogger, TypeProvider>;

export interface ServerContext {
  readonly manager: SandboxManager;
  readonly options: ResolvedServerOptions;
  readonly logger: Logger;
  readonly tokens: Tokens;
  readonly guards: Guards;
  readonly quotas: Quotas;
  readonly calls: Calls;
  readonly ownership: Ownership;
  readonly sandboxes: ServedSandboxes;
  readonly previews: Previews;
  readonly tasks: ServedTasks;
  /** Events of the manager and of all tasks, for a UI. */
  readonly events: Journal;
  readonly metrics: Metrics;
  /** Returns true once the server is stopping. */
  readonly draining: () => boolean;
}
