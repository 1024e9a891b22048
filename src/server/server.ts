/** The server: serves the sandboxes of a manager over HTTP and WebSocket. */
import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { within } from '../base/abort.js';
import { InvalidOptionsError } from '../base/errors.js';
import { silentLogger } from '../base/logger.js';
import { parseOptions } from '../base/parse-options.js';
import { Tokens } from '../http/auth.js';
import { Guards, isLoopbackHost, ownHosts } from '../http/guards.js';
import { clearStaleSocket } from '../http/unix-socket.js';
import type { ManagerEvent } from '../sandbox/events.js';
import type { SandboxManager } from '../sandbox/sandbox-manager.js';
import { createApp } from './app.js';
import { Calls } from './call.js';
import { ownTargets, parseAllowEgress } from './caller-egress.js';
import type { App, ServerContext } from './context.js';
import { Journal } from './journal.js';
import { Metrics } from './metrics.js';
import { type ResolvedServerOptions, type ServerOptions, serverSchema } from './options.js';
import { Ownership } from './ownership.js';
import { Previews } from './ports/previews.js';
import { Quotas } from './quotas.js';
import { ServedSandboxes } from './served-sandboxes.js';
import { type RegisteredSpec, ServedTasks } from './served-tasks.js';

/** Time for WebSockets to receive the close frame when the server stops. */
const GOODBYE_MS = 2000;

export interface DrainReport {
  tasks: { running: number; settled: number };
  /** Number of sandboxes that callers had open. */
  sandboxes: number;
}

/** An HTTP and WebSocket server that shares sandboxes with other programs. */
export class RipcordServer implements AsyncDisposable {
  /** Address of the server: `http://127.0.0.1:7077`, or the path of the Unix socket. */
  readonly address: string;
  /** TCP port that it listens on; undefined on a Unix socket. */
  readonly port: number | undefined;
  readonly #app: App;
  readonly #context: ServerContext;
  readonly #state: { draining: boolean };
  readonly #unlisten: () => void;
  /** Open connections, including upgraded ones, which Node's server does not track. */
  readonly #connections = new Set<Socket>();
  #closing: Promise<DrainReport> | undefined;

  private constructor(
    app: App,
    context: ServerContext,
    state: { draining: boolean },
    place: { address: string; port: number | undefined },
    unlisten: () => void,
  ) {
    this.#app = app;
    this.#context = context;
    this.#state = state;
    this.address = place.address;
    this.port = place.port;
    this.#unlisten = unlisten;
    app.server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  /**
   * Listens and serves the sandboxes of `manager`. The caller remains responsible for closing `manager`.
   * @throws InvalidOptionsError, also for an address beyond this machine without `public`, and for TCP without a token
   */
  static async open(manager: SandboxManager, given: ServerOptions): Promise<RipcordServer> {
    const options = parseOptions(serverSchema, given, 'server');
    checkListen(options);
    parseAllowEgress(options.callers.allowEgress, 'allowEgress');
    const logger = options.logger ?? silentLogger;
    const state = { draining: false };
    const isSocket = 'socket' in options.listen;
    const hosts = new Set(options.hosts.map((host) => host.toLowerCase()));
    const tokens = new Tokens(options.tokens);
    const ownership = new Ownership();
    const events = new Journal(options.patience.journalBytes);
    const sandboxes = new ServedSandboxes(manager, ownership, options.callers);
    const specs = options.specs as Record<string, RegisteredSpec>;
    const policy = { policy: options.callers, patience: options.patience, approve: options.approve };
    const tasks = new ServedTasks(manager, ownership, specs, policy, (task, event) =>
      events.append({ type: 'task', task: task.id, event }, task.principal.name),
    );
    const previews = new Previews();
    const metrics = new Metrics(manager, () => tasks.running);
    const follow = (event: ManagerEvent) => {
      ownership.follow(event);
      sandboxes.follow(event);
      previews.follow(event);
      metrics.follow(event);
      events.append(event, 'sandbox' in event ? ownership.of(event.sandbox)?.principal.name : undefined);
      if (event.type === 'sandbox.closed' || event.type === 'sandbox.failed') ownership.forget(event.sandbox);
    };
    manager.on('event', follow);
    const unlisten = () => {
      manager.off('event', follow);
      events.end();
    };
    const context: ServerContext = {
      manager,
      options,
      logger,
      tokens,
      guards: new Guards(hosts, tokens, isSocket),
      quotas: new Quotas(options.callers),
      calls: new Calls(),
      ownership,
      sandboxes,
      previews,
      tasks,
      events,
      metrics,
      draining: () => state.draining,
    };
    try {
      const app = await createApp(context);
      const place = await listen(app, options);
      if (place.port !== undefined && !('socket' in options.listen)) {
        for (const host of ownHosts(options.listen.host, place.port, options.hosts)) hosts.add(host);
        manager.denyEgress(ownTargets(place.port, hosts));
      }
      logger.info({ address: place.address }, 'listening');
      return new RipcordServer(app, context, state, place, unlisten);
    } catch (error) {
      unlisten();
      throw error;
    }
  }

  /**
   * Refuses new work, aborts the tasks and waits for them, closes the sandboxes of callers, then the connections. Idempotent.
   */
  close(): Promise<DrainReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<DrainReport> {
    this.#state.draining = true;
    const { tasks, ownership, manager, logger, options } = this.#context;
    const ended = await tasks.close(options.patience.drainMs);
    const open = manager.list().filter(({ id }) => ownership.of(id));
    const receipts = await Promise.all(open.map((sandbox) => sandbox.close()));
    for (const receipt of receipts) logger.info({ ...receipt }, 'receipt');
    this.#unlisten();
    const closed = this.#app.close();
    for (const socket of this.#app.websocketServer.clients) socket.close(1001, 'the server stops');
    if (
      (await within(
        closed.then(() => true),
        GOODBYE_MS,
      )) === undefined
    ) {
      for (const socket of this.#connections) socket.destroy();
      await closed;
    }
    const report = { tasks: ended, sandboxes: receipts.length };
    logger.info({ ...report }, 'server stopped');
    return report;
  }
}

function checkListen({ listen, tokens }: ResolvedServerOptions): void {
  if ('socket' in listen) return;
  if (tokens.length === 0) throw new InvalidOptionsError('server: a TCP port needs a token');
  if (!isLoopbackHost(listen.host) && !listen.public) {
    throw new InvalidOptionsError(`server: ${listen.host} is not this machine's loopback address`, {
      hint: 'Any client that reaches it and has the token can run code here. Pass --public to allow this.',
    });
  }
}

async function listen(
  app: App,
  options: ResolvedServerOptions,
): Promise<{ address: string; port: number | undefined }> {
  if ('socket' in options.listen) {
    const { socket } = options.listen;
    await clearStaleSocket(socket);
    // Set the umask, so that the socket never exists with wider permissions.
    const mask = process.umask(0o177);
    try {
      app.server.listen(socket);
    } finally {
      process.umask(mask);
    }
    await listening(app);
    chmodSync(socket, 0o600);
    return { address: socket, port: undefined };
  }
  const { host, port } = options.listen;
  app.server.listen(port, host);
  await listening(app);
  const bound = app.server.address() as AddressInfo;
  return { address: `http://${host.includes(':') ? `[${host}]` : host}:${bound.port}`, port: bound.port };
}

async function listening({ server }: App): Promise<void> {
  await once(server, 'listening').catch((cause: NodeJS.ErrnoException) => {
    throw new InvalidOptionsError(`server: cannot listen: ${cause.message}`, { cause });
  });
}
