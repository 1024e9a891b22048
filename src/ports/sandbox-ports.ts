/** Connections from outside to servers inside a sandbox, over the pipe. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Duplex, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { joinSignals, onAbort, throwIfAborted } from '../base/abort.js';
import { InvalidOptionsError, RipcordError, TaskAbortedError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { answerTo } from './answer.js';
import { join } from './join.js';
import {
  type ForwardOptions,
  forwardSchema,
  type PortOptions,
  portSchema,
  type WaitForPortOptions,
  waitForPortSchema,
} from './options.js';
import { PacedConnection } from './paced-connection.js';

/** @internal Access to a sandbox's ports. */
interface PortRoot {
  connect(port: number, signal: AbortSignal | undefined): Promise<Duplex>;
  /** Every call gets this signal besides its own. */
  readonly signal?: AbortSignal | undefined;
  /** Resolves when the sandbox ends. Throws if it has already ended. */
  ended(): Promise<unknown>;
}

/** A local port that is forwarded to a port of a sandbox. */
export interface PortForward extends AsyncDisposable {
  /** Port inside the sandbox. */
  readonly port: number;
  /** Local address to connect to, for example `127.0.0.1`. */
  readonly host: string;
  readonly localPort: number;
  /** URL of the local port, such as `http://127.0.0.1:49152`. */
  readonly url: string;
  /** Number of open connections. */
  readonly connections: number;
  /** Closes the port and its connections. Idempotent. Called automatically when the sandbox ends. */
  close(): Promise<void>;
}

const POLL_MS = [20, 50, 100, 250];
const NULL_BODY = new Set([101, 204, 205, 304]);

/** Ports that programs in a sandbox listen on. Connections go over the pipe and need no network. */
export class SandboxPorts {
  readonly #root: PortRoot;

  /** @internal */
  constructor(root: PortRoot) {
    this.#root = root;
  }

  /** @internal The same ports; every call gets `signal`. */
  under(signal: AbortSignal): SandboxPorts {
    return new SandboxPorts({ ...this.#root, signal });
  }

  /**
   * Connects to a port inside. Each connection uses two processes of the sandbox, which count towards `limits.pids`.
   * @throws RipcordError `port-refused` if no program listens there; TaskAbortedError, SandboxLostError
   */
  async connect(port: number, options?: PortOptions): Promise<Duplex> {
    const { signal } = this.#parse(portSchema, { ...options, port }, 'ports.connect');
    return this.#connect(port, signal);
  }

  /**
   * Waits until a program listens on a port inside.
   * @throws RipcordError `port-refused` if none does within `timeoutMs` (default 30 s); TaskAbortedError
   */
  async waitFor(port: number, options?: WaitForPortOptions): Promise<void> {
    const { timeoutMs, signal } = this.#parse(waitForPortSchema, { ...options, port }, 'ports.waitFor');
    const giveUpAt = performance.now() + timeoutMs;
    for (let attempt = 0; ; attempt++) {
      throwIfAborted(signal, `waiting for port ${port}`);
      try {
        (await this.#connect(port, signal)).destroy();
        return;
      } catch (error) {
        if (!(error instanceof RipcordError) || error.code !== 'port-refused') throw error;
        if (performance.now() >= giveUpAt) {
          throw new RipcordError('port-refused', `Nothing listened on port ${port} within ${timeoutMs} ms`, {
            cause: error,
            details: { port, timeoutMs },
          });
        }
      }
      await sleep(POLL_MS[Math.min(attempt, POLL_MS.length - 1)], undefined, { signal }).catch(() => {});
    }
  }

  /**
   * Sends one HTTP request to a server inside. Redirects are returned, not followed, because they may lead anywhere.
   *
   * @param target A path such as `/index.html?q=1`.
   * @throws RipcordError `port-refused`; TaskAbortedError; the errors of Node's HTTP client for an invalid response
   * @example
   * await sandbox.spawn('python3 -m http.server 8000')
   * await sandbox.ports.waitFor(8000)
   * const response = await sandbox.ports.fetch(8000, '/')
   */
  async fetch(port: number, target = '/', init: RequestInit = {}): Promise<Response> {
    parseOptions(portSchema, { port }, 'ports.fetch');
    const signal = joinSignals(init.signal ?? undefined, this.#root.signal);
    const asked = new Request(new URL(target, `http://localhost:${port}`), { ...init, signal: signal ?? null });
    const connection = new PacedConnection(await this.#connect(port, signal));
    const url = new URL(asked.url);
    const outgoing = httpRequest({
      method: asked.method,
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        connection: 'close',
        // Set the framing: Node does so for some methods only, and the server would take an unframed body for another
        // request.
        ...(asked.body && !asked.headers.has('content-length') && { 'transfer-encoding': 'chunked' }),
        ...Object.fromEntries(asked.headers),
      },
      createConnection: () => connection,
    });
    let incoming: IncomingMessage | undefined;
    const unlisten = onAbort(signal, () => {
      const reason = new TaskAbortedError(`Aborted while fetching ${target}`, { cause: signal?.reason });
      incoming?.destroy(reason);
      outgoing.destroy(reason);
      connection.destroy();
    });
    try {
      const answered = answerTo(outgoing);
      if (asked.body) {
        const body = Readable.fromWeb(asked.body as never);
        body.once('error', (error) => outgoing.destroy(error));
        // Do not wait: the response may arrive before the body ends. A failure of the body fails the request.
        pipeline(body, outgoing).catch(() => {});
      } else {
        outgoing.end();
      }
      incoming = await answered;
      incoming.once('close', () => {
        unlisten();
        // If a server kept its end open, the connection's processes would stay.
        connection.destroy();
      });
      return toResponse(incoming, asked.method);
    } catch (error) {
      unlisten();
      connection.destroy();
      throwIfAborted(signal, `fetching ${target}`);
      throw error;
    }
  }

  /**
   * Forwards a port of this machine to a port inside: HTTP, WebSockets, any TCP protocol. By default it listens on
   * 127.0.0.1; every program and every browser on this machine can use it.
   *
   * @throws InvalidOptionsError, also if the local port cannot be opened; TaskAbortedError; SandboxLostError
   */
  async forward(port: number, options?: ForwardOptions): Promise<PortForward> {
    const parsed = this.#parse(forwardSchema, { ...options, port }, 'ports.forward');
    throwIfAborted(parsed.signal, `forwarding port ${port}`);
    const open = new Set<Socket>();
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      // The socket may be reset before it is read. #join() receives that error from join().
      socket.on('error', () => {});
      if (open.size >= parsed.maxConnections) {
        socket.destroy();
        return;
      }
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      void this.#join(socket, port);
    });
    server.listen(parsed.localPort, parsed.host);
    await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is in use' : `cannot be opened: ${error.message}`;
      throw new InvalidOptionsError(`ports.forward: port ${parsed.localPort} of ${parsed.host} ${why}`, {
        cause: error,
        hint: 'Leave localPort out to use any free port.',
      });
    });
    // An open port does not keep the process alive, like the sandbox itself. A connection does.
    server.unref();
    const { port: localPort } = server.address() as AddressInfo;
    let unlisten = () => {};
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => {
      closing ??= new Promise((resolve) => {
        unlisten();
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
      return closing;
    };
    try {
      // The signal or the sandbox's end may have come while the port was being opened.
      throwIfAborted(parsed.signal, `forwarding port ${port}`);
      void this.#root.ended().then(close);
    } catch (error) {
      await close();
      throw error;
    }
    unlisten = onAbort(parsed.signal, () => void close());
    const at = parsed.host.includes(':') ? `[${parsed.host}]` : parsed.host;
    return {
      port,
      host: parsed.host,
      localPort,
      url: `http://${at}:${localPort}`,
      get connections() {
        return open.size;
      },
      close,
      [Symbol.asyncDispose]: close,
    };
  }

  async #join(socket: Socket, port: number): Promise<void> {
    try {
      const inside = await this.#connect(port, undefined);
      await join(socket, inside);
    } catch {
      // An error on one side breaks the connection on the other.
      socket.resetAndDestroy();
    }
  }

  /** Checks the options of a call, and adds the signal that the sandbox gives to every call. */
  #parse<S extends z.ZodType<PortOptions>>(schema: S, options: unknown, what: string): z.output<S> {
    const parsed = parseOptions(schema, options, what);
    return { ...parsed, signal: joinSignals(parsed.signal, this.#root.signal) };
  }

  #connect(port: number, signal: AbortSignal | undefined): Promise<Duplex> {
    return this.#root.connect(port, signal);
  }
}

function toResponse(incoming: IncomingMessage, method: string): Response {
  const headers = new Headers();
  for (let at = 0; at < incoming.rawHeaders.length; at += 2) {
    headers.append(incoming.rawHeaders[at]!, incoming.rawHeaders[at + 1]!);
  }
  const status = incoming.statusCode!;
  const empty = method === 'HEAD' || NULL_BODY.has(status);
  if (empty) incoming.resume();
  const body = empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>);
  return new Response(body as never, { status, statusText: incoming.statusMessage ?? '', headers });
}
