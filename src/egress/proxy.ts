/**
 * Egress proxy of a sandbox: an HTTP proxy (RFC 9110 §9.3.6 CONNECT, and plain requests) whose clients connect through
 * the pipe. It runs in this process; inside, only the agent listens. Everything that is not explicitly allowed is
 * refused.
 */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { PacedConnection } from '../ports/paced-connection.js';
import { certificatesOf } from './authorities.js';
import { Decisions, type EgressRecord } from './decisions.js';
import { Destinations } from './destinations.js';
import { Dialer, type Outside, realOutside } from './dialer.js';
import { Forwarder } from './forward.js';
import { toInjection } from './injection.js';
import type { ResolvedNetwork } from './options.js';
import { Denial, EgressPolicy } from './policy.js';
import { refusal } from './refusal.js';
import { openTunnel } from './tunnel.js';

export type { EgressRecord };

/** Maximum number of pipelined requests on a connection. Common clients do not pipeline (RFC 9112 §9.3.2). */
const MAX_PIPELINED = 32;

export class EgressProxy {
  readonly policy: EgressPolicy;
  readonly maxConnections: number;
  /** Allow list, with the hosts that `@npm` and the like stand for. */
  readonly allow: readonly string[];
  /** Additional authorities to trust, in PEM. */
  readonly ca: string | undefined;
  readonly #decisions = new Decisions();
  readonly #destinations: Destinations;
  readonly #forwarder: Forwarder;
  readonly #server: Server;
  readonly #inTunnels: Server;
  readonly #open = new Set<Duplex>();
  readonly #queues = new WeakMap<Duplex, { length: number; last: Promise<void> }>();

  /**
   * Creates a proxy.
   * @throws InvalidOptionsError naming the entry or the variable that is wrong
   */
  constructor(options: ResolvedNetwork, outside: Outside = realOutside) {
    this.policy = new EgressPolicy(options);
    this.maxConnections = options.maxConnections;
    this.allow = options.allow;
    this.ca = options.ca === undefined ? undefined : certificatesOf(options.ca);
    const injections = options.inject.map((entry, index) => toInjection(entry, `network.inject.${index}`));
    const dialer = new Dialer(this.policy, options.upstreamProxy, this.ca, outside);
    this.#destinations = new Destinations(this.policy, dialer, options.maxBytes ?? Number.POSITIVE_INFINITY);
    this.#forwarder = new Forwarder(this.#destinations, this.#decisions, injections);
    this.#server = this.#serve();
    this.#server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      void this.#tunnel(request, client, head);
    });
    this.#inTunnels = this.#serve();
    this.#inTunnels.on('upgrade', (request: IncomingMessage, client: Duplex, head: Buffer) => {
      void this.#forwarder.upgrade(request, client, head);
    });
  }

  /** Sets the listener for decisions. */
  set observe(listener: (record: EgressRecord) => void) {
    this.#decisions.observe = listener;
  }

  /**
   * Sets the function that connects to a port of the sandbox itself, for clients that send its own names to the proxy.
   */
  set inside(connect: ((port: number) => Promise<Duplex>) | undefined) {
    this.#destinations.inside = connect;
  }

  /** Last decisions, oldest first. */
  get log(): readonly EgressRecord[] {
    return this.#decisions.log;
  }

  /** Number of bytes in both directions, of all connections so far. */
  get bytes(): number {
    return this.#destinations.bytes;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Serves one connection from inside the sandbox. */
  accept(connection: Duplex): void {
    const client = new PacedConnection(connection);
    this.#open.add(client);
    client.once('close', () => this.#open.delete(client));
    this.#server.emit('connection', client);
  }

  /** Counts bytes between sandbox and proxy. Returns false above the limit: the connection is then closed. */
  count(bytes: number): boolean {
    return this.#destinations.count(bytes);
  }

  close(): void {
    for (const client of this.#open) client.destroy();
    this.#server.close();
    this.#inTunnels.close();
  }

  #serve(): Server {
    // Disable time limits: a slow client delays only its own sandbox.
    const server = createServer({ requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 64 * 1024 });
    server.on('request', (request, response) =>
      this.#inTurn(request.socket, () => this.#forwarder.forward(request, response)),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      // Other errors do not come from the parser: the connection broke, and an answer cannot be sent.
      if (!error.code?.startsWith('HPE_') || !socket.writable) {
        socket.destroy();
        return;
      }
      socket.end(
        refusal(this.#decisions.deny('http', '', new Denial('malformed', 'not a request that a proxy understands'))),
      );
    });
    return server;
  }

  #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    const way = { destinations: this.#destinations, decisions: this.#decisions };
    return openTunnel({ request, client, head }, way, (carrier, tunnel) => {
      this.#forwarder.inTunnel(carrier, tunnel);
      this.#inTunnels.emit('connection', carrier);
    });
  }

  /**
   * Forwards requests one after the other, so that a client with pipelined requests does not multiply its connections.
   */
  #inTurn(client: Duplex, forward: () => Promise<void>): void {
    const queue = this.#queues.get(client) ?? { length: 0, last: Promise.resolve() };
    this.#queues.set(client, queue);
    if (++queue.length > MAX_PIPELINED) {
      client.destroy();
      return;
    }
    queue.last = queue.last.then(async () => {
      if (!client.destroyed) await forward();
      queue.length--;
    });
  }
}
