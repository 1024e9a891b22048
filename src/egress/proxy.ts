/**
 * The sandbox's way out: an HTTP proxy (RFC 9110 §9.3.6 CONNECT, and plain requests) whose clients come over the pipe.
 * It runs in this process; inside there is nothing but the agent's port. What is not clearly allowed is refused.
 */
import {
  type ClientRequest,
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { messageOf } from '../base/errors.js';
import { printableAscii } from '../base/harmless-text.js';
import { answerTo } from '../ports/answer.js';
import { flow, join } from '../ports/join.js';
import { PacedConnection } from '../ports/paced-connection.js';
import { certificatesOf } from './authorities.js';
import { Dialer, type Outside, type Route, realOutside } from './dialer.js';
import { isFramed, unknownCoding } from './framing.js';
import { HOP_BY_HOP } from './hop-by-hop.js';
import { type Injection, injectionFor, toInjection } from './injection.js';
import { notAnAuthority } from './not-an-authority.js';
import type { ResolvedNetwork } from './options.js';
import { HOST_NAME, isOwn } from './own-names.js';
import { Denial, type DenialReason, EgressPolicy } from './policy.js';
import { phraseOf, refusal, statusOf, TLS_UNRECOGNIZED_NAME } from './refusal.js';
import { formatHost, formatTarget, parseAuthority, type Target } from './rules.js';
import { serverSpeaksFirst, tunnelStart } from './tunnel-start.js';

/** One decision about a connection or, in plain HTTP, a request. */
export interface EgressRecord {
  at: number;
  verdict: 'allowed' | 'denied';
  /** `connect`: a tunnel, whose content the host does not see. `http`: a request in the clear. */
  kind: 'connect' | 'http';
  /** `host:port` as it was asked for; escaped, because the sandbox wrote it. */
  target: string;
  /** The entry that decided, as written in `network.allow` or `network.deny`. */
  rule: string | undefined;
  /** The address that was dialled. */
  address: string | undefined;
  /** Of a denial. */
  reason: DenialReason | undefined;
  message: string | undefined;
}

/** For a refused client to read why, and to go. */
const LAST_WORDS_MS = 2000;
const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';
const LOG_LENGTH = 1000;
/** Requests sent ahead on one connection; no client in use sends any (RFC 9112 §9.3.2). */
const MAX_PIPELINED = 32;
/** Names this proxy in Via (RFC 9110 §7.6.3): a request that comes by a second time goes round in circles. */
const VIA = '1.1 ripcord';

/** A tunnel that carries HTTP: each of its requests is looked at as any other. */
interface HttpTunnel {
  target: Target;
  /** Its first connection, for the first request. */
  spare: Route | undefined;
}

/** A request on its way, and its answer. An answer that switches protocols brings the connection. */
interface Sent {
  outgoing: ClientRequest;
  answered: Promise<Answer>;
}
interface Answer {
  incoming: IncomingMessage;
  switched?: { connection: Duplex; first: Buffer };
}

/** A refusal by the sandbox itself. The log lists the way out only. */
class OwnRefusal extends Denial {}

export class EgressProxy {
  readonly policy: EgressPolicy;
  /** Hears of every decision. */
  observe: (record: EgressRecord) => void = () => {};
  /** Connects to a port of the sandbox itself, for clients that take its own names to the proxy. */
  inside: ((port: number) => Promise<Duplex>) | undefined;
  readonly maxConnections: number;
  /** The list, with the hosts that `@npm` and the like stand for. */
  readonly allow: readonly string[];
  /** Authorities to trust, besides the usual ones, in PEM. */
  readonly ca: string | undefined;
  readonly #maxBytes: number;
  readonly #injections: readonly Injection[];
  readonly #dialer: Dialer;
  readonly #server: Server;
  readonly #inTunnels: Server;
  readonly #tunnels = new WeakMap<Duplex, HttpTunnel>();
  readonly #open = new Set<Duplex>();
  readonly #queues = new WeakMap<Duplex, { length: number; last: Promise<void> }>();
  readonly #log: EgressRecord[] = [];
  #bytes = 0;

  /** @throws InvalidOptionsError naming the entry or the variable that is wrong */
  constructor(options: ResolvedNetwork, outside: Outside = realOutside) {
    this.policy = new EgressPolicy(options);
    this.maxConnections = options.maxConnections;
    this.allow = options.allow;
    this.ca = options.ca === undefined ? undefined : certificatesOf(options.ca);
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#injections = options.inject.map((entry, index) => toInjection(entry, `network.inject.${index}`));
    this.#dialer = new Dialer(this.policy, options.upstreamProxy, this.ca, outside);
    this.#server = this.#serve();
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#tunnel(request, socket, head);
    });
    this.#inTunnels = this.#serve();
    this.#inTunnels.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#upgrade(request, socket, head);
    });
  }

  #serve(): Server {
    // No time limits: a slow client delays its own sandbox only.
    const server = createServer({ requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 64 * 1024 });
    server.on('request', (request, response) => this.#inTurn(request.socket, () => this.#forward(request, response)));
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      // Not of the parser: the connection broke, which is no request.
      if (!error.code?.startsWith('HPE_') || !socket.writable) {
        socket.destroy();
        return;
      }
      socket.end(refusal(this.#deny('http', '', new Denial('malformed', 'not a request that a proxy understands'))));
    });
    return server;
  }

  /** The last decisions, oldest first. */
  get log(): readonly EgressRecord[] {
    return this.#log;
  }

  /** Both directions, all connections so far. */
  get bytes(): number {
    return this.#bytes;
  }

  get connections(): number {
    return this.#open.size;
  }

  /** Takes one connection from inside the sandbox. */
  accept(connection: Duplex): void {
    const client = new PacedConnection(connection);
    this.#open.add(client);
    client.once('close', () => this.#open.delete(client));
    this.#server.emit('connection', client);
  }

  /** Counts what passes between sandbox and proxy. False when it is too much: the connection ends. */
  count(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes <= this.#maxBytes;
  }

  close(): void {
    for (const client of this.#open) client.destroy();
    this.#server.close();
    this.#inTunnels.close();
  }

  async #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => {});
    const asked = request.url ?? '';
    let upstream: Duplex | undefined;
    let isOpen = false;
    try {
      const target = parseAuthority(asked);
      if (!target) throw new Denial('malformed', notAnAuthority(asked, 'host:port'));
      this.#checkHost(request, target, target.port);
      if (this.#isInside(target)) {
        upstream = await this.#connectInside(target);
        client.write(ESTABLISHED);
        isOpen = true;
        if (head.length > 0) upstream.write(head);
        unpace(client);
        await join(client, upstream);
        return;
      }
      const rule = this.#admit(target);
      // A proxy of this machine may give tunnels to port 443 only: what turns out to be HTTP needs none.
      const later = target.port === 80 && this.#dialer.hasUpstream(target);
      let route = later ? undefined : await this.#dialer.tunnel(target, client);
      upstream = route?.connection;
      client.write(ESTABLISHED);
      isOpen = true;
      if (target.port !== 443) this.#allow('connect', target, { rule: rule.text, address: route?.address });
      // A server that speaks first is heard; what the client says is looked at before it goes anywhere.
      const mayListen = upstream !== undefined && target.port !== 443 && target.port !== 80 && head.length === 0;
      const spoke = mayListen && (await serverSpeaksFirst(client, upstream!));
      let down = spoke ? flow(upstream!, client) : undefined;
      down?.catch(() => {});
      const { kind, bytes } = await tunnelStart(target, client, head, spoke);
      if (kind === 'http') {
        this.#tunnels.set(client, { target, spare: route });
        client.unshift(bytes);
        this.#inTunnels.emit('connection', client);
        return;
      }
      unpace(client);
      route ??= await this.#dialer.tunnel(target, client);
      upstream = route.connection;
      if (target.port === 443) this.#allow('connect', target, { rule: rule.text, address: route.address });
      if (bytes.length > 0) upstream.write(bytes);
      down ??= flow(upstream, client);
      down.catch(() => {});
      await Promise.all([flow(client, upstream), down]);
    } catch (error) {
      upstream?.destroy();
      // What breaks an open tunnel is the connection's business.
      const denial = isOpen && !(error instanceof Denial) ? undefined : this.#deny('connect', asked, error);
      if (!denial || !client.writable) {
        client.destroy();
        return;
      }
      this.#lastWords(client, isOpen ? TLS_UNRECOGNIZED_NAME : refusal(denial));
    }
  }

  #lastWords(client: Duplex, words: string | Buffer): void {
    client.end(words);
    client.resume();
    setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
  }

  /** One after the other: a client that sends its requests ahead does not multiply its connections. */
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

  async #forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent: Sent | undefined;
    response.on('error', () => {});
    try {
      sent = await this.#send(request, false);
      // An answer may come before the body is through. What breaks the body breaks `outgoing`, too.
      pipeline(request, sent.outgoing).catch(() => {});
      await this.#answer(await sent.answered, response);
    } catch (error) {
      sent?.outgoing.destroy();
      if (response.headersSent) response.destroy();
      else {
        const denial = this.#deny('http', request.url ?? '', error);
        response.writeHead(statusOf(denial), phraseOf(denial), {
          'Content-Type': 'text/plain',
          'X-Ripcord-Denied': denial.reason,
        });
        response.end(`Ripcord: ${denial.message}\n`);
      }
    }
  }

  /** A WebSocket in a tunnel that carries HTTP: the server agrees, and the two are joined; or it answers as it likes. */
  async #upgrade(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => {});
    let sent: Sent | undefined;
    let isOpen = false;
    try {
      if (!isWebSocket(request) || isFramed(request.headers)) {
        throw new Denial('malformed', 'of upgrades only WebSockets are passed on, without a body');
      }
      sent = await this.#send(request, true);
      sent.outgoing.end();
      const answer = await sent.answered;
      const { incoming, switched } = answer;
      isOpen = true;
      if (!switched) {
        const response = new ServerResponse(request);
        response.shouldKeepAlive = false;
        response.assignSocket(client as Socket);
        await this.#answer(answer, response);
        client.end();
        return;
      }
      const fields = [...passedOn(incoming.rawHeaders, []), 'Connection', 'Upgrade', 'Upgrade', 'websocket'];
      const lines = fields.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${fields[at + 1]}`] : []));
      client.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
      const { connection, first } = switched;
      connection.on('error', () => {});
      if (first.length > 0) client.write(first);
      if (head.length > 0) connection.write(head);
      unpace(client);
      await join(client, connection);
    } catch (error) {
      sent?.outgoing.destroy();
      if (isOpen || !client.writable) client.destroy();
      else this.#lastWords(client, refusal(this.#deny('http', request.url ?? '', error)));
    }
  }

  async #answer({ incoming }: Answer, response: ServerResponse): Promise<void> {
    const coding = unknownCoding(incoming.headers);
    if (coding !== undefined) throw new Denial('unreachable', `the server sends '${printableAscii(coding)}', unasked`);
    response.writeHead(incoming.statusCode!, incoming.statusMessage, passedOn(incoming.rawHeaders, []));
    await pipeline(incoming, response);
  }

  /**
   * Looks at a request in the clear, and passes its head on.
   * @throws Denial
   */
  async #send(request: IncomingMessage, upgrades: boolean): Promise<Sent> {
    const client = request.socket;
    const tunnel = this.#tunnels.get(client);
    if (request.httpVersionMajor !== 1) throw new Denial('malformed', 'the proxy speaks HTTP/1.0 and HTTP/1.1');
    if (request.method === 'TRACE') {
      throw new Denial('method', 'TRACE is not passed on: its answer repeats all that was added to the request');
    }
    const coding = unknownCoding(request.headers);
    if (coding !== undefined) {
      throw new Denial(
        'malformed',
        `Transfer-Encoding '${printableAscii(coding)}' is not passed on, only 'chunked' is`,
      );
    }
    const { target, path } = parseTarget(request.url ?? '', tunnel?.target);
    this.#checkHost(request, target, tunnel ? target.port : 80);
    if (request.headers.via?.includes(VIA)) throw new Denial('loop', 'this request has been here before');
    const inside = this.#isInside(target);
    const injection = inside ? undefined : injectionFor(this.#injections, target);
    const to = injection?.target ?? target;
    const route = inside
      ? { connection: await this.#connectInside(target), address: undefined, upstream: undefined }
      : await this.#reach(to, client, tunnel, upgrades || injection?.tls === true);
    const connection = injection?.tls ? await this.#dialer.encrypt(route.connection, to) : route.connection;
    const host = hostField(to, injection?.tls ? 443 : 80);
    const headers = ['Host', host, ...passedOn(request.rawHeaders, injection ? ['host', injection.header] : ['host'])];
    if (injection) headers.push(injection.header, injection.value);
    headers.push(...framing(request, headers), 'Via', VIA);
    headers.push(...(upgrades ? ['Connection', 'Upgrade', 'Upgrade', 'websocket'] : ['Connection', 'close']));
    if (route.upstream?.authorization !== undefined) headers.push('Proxy-Authorization', route.upstream.authorization);
    const outgoing = httpRequest({
      method: request.method,
      path: route.upstream ? `http://${host}${path}` : path,
      headers,
      setHost: false,
      createConnection: () => connection,
    } as unknown as Parameters<typeof httpRequest>[0]);
    const answered = upgrades ? switchedOrAnswered(outgoing) : answerTo(outgoing).then((incoming) => ({ incoming }));
    // Waited for a moment later.
    answered.catch(() => {});
    return { outgoing, answered };
  }

  /** @throws Denial */
  async #reach(to: Target, client: Duplex, tunnel: HttpTunnel | undefined, isTunnel: boolean): Promise<Route> {
    const rule = this.#admit(to);
    const { spare, target } = tunnel ?? {};
    if (tunnel) tunnel.spare = undefined;
    const isFit = spare && target!.host === to.host && target!.port === to.port && !spare.connection.destroyed;
    if (spare && !isFit) spare.connection.destroy();
    const dial = () => (isTunnel ? this.#dialer.tunnel(to, client) : this.#dialer.request(to, client));
    const route = isFit ? spare : await dial();
    this.#allow('http', to, { rule: rule.text, address: route.address });
    return route;
  }

  #isInside({ host }: Target): boolean {
    return this.inside !== undefined && isOwn(host);
  }

  /** @throws OwnRefusal */
  async #connectInside({ host, port }: Target): Promise<Duplex> {
    try {
      const connection = await this.inside!(port);
      connection.on('error', () => {});
      return connection;
    } catch (error) {
      const hint = `${HOST_NAME}:${port} is the port of the machine outside`;
      throw new OwnRefusal('unreachable', `${formatHost(host)} is the sandbox itself: ${messageOf(error)}; ${hint}`);
    }
  }

  /** The Host field says the same as the target, and says it once (RFC 9112 §3.2.2). */
  #checkHost(request: IncomingMessage, target: Target, defaultPort: number): void {
    const fields = request.rawHeaders.filter((_, at) => at % 2 === 0 && /^host$/i.test(request.rawHeaders[at]!));
    const written = request.headers.host;
    // HTTP/1.0 has none; Node refuses an HTTP/1.1 request without.
    if (fields.length === 0 || written === undefined) return;
    const host = parseAuthority(written, defaultPort);
    if (fields.length === 1 && host?.host === target.host && host.port === target.port) return;
    const shown = fields.length > 1 ? `is there ${fields.length} times` : `says '${printableAscii(written)}'`;
    throw new Denial('host-mismatch', `the request is for ${formatTarget(target)}, its Host field ${shown}`);
  }

  #admit(target: Target): { text: string } {
    if (this.#bytes > this.#maxBytes) {
      throw new Denial('byte-limit', `network.maxBytes (${this.#maxBytes}) is used up`);
    }
    return this.policy.admit(target);
  }

  #allow(kind: EgressRecord['kind'], target: Target, facts: Pick<EgressRecord, 'rule' | 'address'>): void {
    const at = Date.now();
    this.#record({
      at,
      verdict: 'allowed',
      kind,
      target: formatTarget(target),
      ...facts,
      reason: undefined,
      message: undefined,
    });
  }

  #deny(kind: EgressRecord['kind'], asked: string, error: unknown): Denial {
    const denial = error instanceof Denial ? error : new Denial('unreachable', messageOf(error));
    const { reason, rule, message } = denial;
    if (denial instanceof OwnRefusal) return denial;
    this.#record({
      at: Date.now(),
      verdict: 'denied',
      kind,
      target: printableAscii(asked),
      rule,
      address: undefined,
      reason,
      message,
    });
    return denial;
  }

  #record(record: EgressRecord): void {
    this.#log.push(record);
    if (this.#log.length > LOG_LENGTH) this.#log.shift();
    this.observe(record);
  }
}

const unpace = (connection: Duplex): void => {
  if (connection instanceof PacedConnection) connection.unpace();
};

const hostField = (target: Target, defaultPort: number): string =>
  target.port === defaultPort ? formatHost(target.host) : formatTarget(target);

/** The target of a request. In a tunnel it is known, and the request line has a path only (RFC 9112 §3.2). */
function parseTarget(url: string, tunnel: Target | undefined): { target: Target; path: string } {
  if (tunnel && (url.startsWith('/') || url === '*')) return { target: tunnel, path: url };
  const match = /^http:\/\/([^/?#]*)(\/[^#]*|\?[^#]*)?$/i.exec(url);
  if (!match) throw new Denial('malformed', `'${printableAscii(url)}' is not an http:// URL; TLS goes through CONNECT`);
  const target = parseAuthority(match[1]!, 80);
  if (!target) throw new Denial('malformed', notAnAuthority(match[1]!, 'a host, or a host with a port'));
  if (tunnel && (tunnel.host !== target.host || tunnel.port !== target.port)) {
    throw new Denial(
      'host-mismatch',
      `the tunnel is to ${formatTarget(tunnel)}, its request to ${formatTarget(target)}`,
    );
  }
  const rest = match[2] ?? '/';
  return { target, path: rest.startsWith('?') ? `/${rest}` : rest };
}

/** The fields that may go on, as `[name, value, name, value …]`. */
function passedOn(raw: readonly string[], also: readonly string[]): string[] {
  const dropped = new Set([...HOP_BY_HOP, ...also.map((name) => name.toLowerCase())]);
  const pairs = raw.flatMap((name, at) => (at % 2 === 0 ? [[name, raw[at + 1]!] as const] : []));
  for (const [name, value] of pairs) {
    if (name.toLowerCase() === 'connection')
      for (const named of value.split(',')) dropped.add(named.trim().toLowerCase());
  }
  return pairs.filter(([name]) => !dropped.has(name.toLowerCase())).flat();
}

/** The field that marks off the body, where what is passed on has none; without any body a length of nothing. */
function framing({ method, headers }: IncomingMessage, passed: readonly string[]): string[] {
  if (!isFramed(headers)) return ['POST', 'PUT', 'PATCH'].includes(method!) ? ['Content-Length', '0'] : [];
  const hasLength = passed.some((name, at) => at % 2 === 0 && name.toLowerCase() === 'content-length');
  return hasLength ? [] : ['Transfer-Encoding', 'chunked'];
}

const isWebSocket = ({ headers }: IncomingMessage): boolean => /^websocket$/i.test(headers.upgrade ?? '');

/** @throws what {@link answerTo} does; Denial for another protocol than the one that was asked for */
async function switchedOrAnswered(outgoing: ClientRequest): Promise<Answer> {
  const answered = answerTo(outgoing).then((incoming) => ({ incoming }));
  const switched = new Promise<Answer>((resolve) => {
    outgoing.once('upgrade', (incoming, connection, first) => resolve({ incoming, switched: { connection, first } }));
  });
  const answer = await Promise.race([switched, answered]);
  answered.catch(() => {});
  if (!('switched' in answer) || isWebSocket(answer.incoming)) return answer;
  answer.switched?.connection.destroy();
  throw new Denial('unreachable', 'the server switches to another protocol than was asked for');
}
