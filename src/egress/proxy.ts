/**
 * The sandbox's way out: an HTTP proxy (RFC 9110 §9.3.6 CONNECT, and plain requests) whose clients come over the pipe.
 * It runs in this process; inside there is nothing but the agent's port. What is not clearly allowed is refused.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { once } from 'node:events';
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { connect as tlsConnect } from 'node:tls';
import type { ResolvedNetwork } from '../config.js';
import { InvalidOptionsError, messageOf } from '../errors.js';
import { looksLikeTls, readClientHello } from './client-hello.js';
import { HOP_BY_HOP } from './hop-by-hop.js';
import { Denial, type DenialReason, EgressPolicy, isLocal } from './policy.js';
import { formatHost, formatTarget, parseAuthority, type Target } from './rules.js';

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

/** What the proxy asks of the world; a test's own world is asked the same. */
export interface Outside {
  lookup(host: string): Promise<string[]>;
  connect(address: string, port: number): Socket;
  /** Roots to trust; undefined: Node's. */
  ca?: string | undefined;
}

const realOutside: Outside = {
  lookup: async (host) => (await dnsLookup(host, { all: true, verbatim: true })).map(({ address }) => address),
  connect: (host, port) => netConnect({ host, port, noDelay: true, allowHalfOpen: true }),
};

const DIAL_MS = 10_000;
const HELLO_MS = 10_000;
/** For a refused client to read why, and to go. */
const LAST_WORDS_MS = 2000;
const LOG_LENGTH = 1000;
/** Requests sent ahead on one connection; no client in use sends any (RFC 9112 §9.3.2). */
const MAX_PIPELINED = 32;
/** Names this proxy in Via (RFC 9110 §7.6.3): a request that comes by a second time goes round in circles. */
const VIA = '1.1 ripcord';

interface Injection {
  target: Target;
  header: string;
  value: string;
  tls: boolean;
}

export class EgressProxy {
  readonly policy: EgressPolicy;
  /** Hears of every decision. */
  observe: (record: EgressRecord) => void = () => {};
  readonly maxConnections: number;
  readonly #maxBytes: number;
  readonly #injections: readonly Injection[];
  readonly #outside: Outside;
  readonly #server: Server;
  readonly #open = new Set<Duplex>();
  readonly #queues = new WeakMap<Duplex, { length: number; last: Promise<void> }>();
  readonly #log: EgressRecord[] = [];
  #bytes = 0;

  /** @throws InvalidOptionsError naming the entry or the variable that is wrong */
  constructor(options: ResolvedNetwork, outside: Outside = realOutside) {
    this.policy = new EgressPolicy(options);
    this.maxConnections = options.maxConnections;
    this.#maxBytes = options.maxBytes ?? Number.POSITIVE_INFINITY;
    this.#injections = options.inject.map((entry, index) => toInjection(entry, `network.inject.${index}`));
    this.#outside = outside;
    // What a slow client holds up is its own sandbox.
    this.#server = createServer({ requestTimeout: 0, headersTimeout: 0, maxHeaderSize: 64 * 1024 });
    this.#server.on('connect', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      void this.#tunnel(request, socket, head);
    });
    this.#server.on('request', (request, response) =>
      this.#inTurn(request.socket, () => this.#forward(request, response)),
    );
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      // Not of the parser: the connection broke, which is no request.
      if (!error.code?.startsWith('HPE_') || !socket.writable) {
        socket.destroy();
        return;
      }
      socket.end(refusal(this.#deny('http', '', new Denial('malformed', 'not a request that a proxy understands'))));
    });
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
  accept(client: Duplex): void {
    this.#open.add(client);
    client.once('close', () => this.#open.delete(client));
    // A client that goes away in the middle is nothing to report.
    client.on('error', () => {});
    // The parser, a tunnel's two pipelines and we listen to it, which is more than Node thinks normal.
    client.setMaxListeners(20);
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
  }

  async #tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    client.on('error', () => {});
    const asked = request.url ?? '';
    let upstream: Socket | undefined;
    let isOpen = false;
    try {
      const target = parseAuthority(asked);
      if (!target) throw new Denial('malformed', `'${printable(asked)}' is not host:port`);
      this.#checkHost(request, target, target.port);
      const rule = this.#admit(target);
      upstream = await this.#dial(target, client);
      const record = { rule: rule.text, address: upstream.remoteAddress };
      client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      isOpen = true;
      // A server that speaks first is heard; what the client says is looked at before it goes anywhere.
      const down = pipeline(upstream, client);
      down.catch(() => {});
      if (target.port !== 443) this.#allow('connect', target, record);
      const first = await checkedStart(target, client, head);
      if (target.port === 443) this.#allow('connect', target, record);
      if (first.length > 0) upstream.write(first);
      await Promise.all([pipeline(client, upstream), down]);
    } catch (error) {
      // What breaks an open tunnel is the connection's business.
      const denial = isOpen && !(error instanceof Denial) ? undefined : this.#deny('connect', asked, error);
      if (!denial || !client.writable) {
        client.destroy();
        return;
      }
      client.end(isOpen ? TLS_UNRECOGNIZED_NAME : refusal(denial));
      client.resume();
      // The other side has heard nothing yet. It goes with the client, which gets its answer first.
      setTimeout(() => client.destroy(), LAST_WORDS_MS).unref();
    }
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
    const client = request.socket;
    const asked = request.url ?? '';
    response.on('error', () => {});
    let upstream: Socket | undefined;
    try {
      if (request.httpVersionMajor !== 1) throw new Denial('malformed', 'the proxy speaks HTTP/1.0 and HTTP/1.1');
      const { target, path } = parseAbsolute(asked);
      this.#checkHost(request, target, 80);
      if (request.headers.via?.includes(VIA)) throw new Denial('loop', 'this request has been here before');
      const injection = this.#injections.find(
        ({ target: { host, port }, tls }) =>
          host === target.host && (port === target.port || (tls && port === 443 && target.port === 80)),
      );
      const to = injection?.target ?? target;
      const rule = this.#admit(to);
      upstream = await this.#dial(to, client);
      const { remoteAddress } = upstream;
      const connection = injection?.tls ? await this.#encrypt(upstream, to) : upstream;
      this.#allow('http', to, { rule: rule.text, address: remoteAddress });
      const headers = ['Host', hostField(to, injection?.tls ? 443 : 80)];
      headers.push(...passedOn(request.rawHeaders, injection ? ['host', injection.header] : ['host']));
      if (injection) headers.push(injection.header, injection.value);
      headers.push('Via', VIA, 'Connection', 'close');
      const outgoing = httpRequest({
        method: request.method,
        path,
        headers,
        setHost: false,
        createConnection: () => connection,
      } as unknown as Parameters<typeof httpRequest>[0]);
      const answered = once(outgoing, 'response');
      // An answer may come before the body is through. What breaks the body breaks `outgoing`, too.
      pipeline(request, outgoing).catch(() => {});
      const [incoming] = (await answered) as [IncomingMessage];
      response.writeHead(incoming.statusCode!, incoming.statusMessage, passedOn(incoming.rawHeaders, []));
      await pipeline(incoming, response);
    } catch (error) {
      upstream?.destroy();
      if (response.headersSent) response.destroy();
      else {
        const denial = this.#deny('http', asked, error);
        response.writeHead(statusOf(denial), phraseOf(denial), {
          'Content-Type': 'text/plain',
          'X-Ripcord-Denied': denial.reason,
        });
        response.end(`Ripcord: ${denial.message}\n`);
      }
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
    const shown = fields.length > 1 ? `is there ${fields.length} times` : `says '${printable(written)}'`;
    throw new Denial('host-mismatch', `the request is for ${formatTarget(target)}, its Host field ${shown}`);
  }

  #admit(target: Target): { text: string } {
    if (this.#bytes > this.#maxBytes) {
      throw new Denial('byte-limit', `network.maxBytes (${this.#maxBytes}) is used up`);
    }
    return this.policy.admit(target);
  }

  /** Connects to exactly an address that was checked. */
  async #dial(target: Target, client: Duplex): Promise<Socket> {
    const addresses = this.policy.admitAddresses(target, await this.#resolve(target.host));
    let failure: unknown;
    for (const address of addresses) {
      if (client.destroyed) break;
      const socket = this.#outside.connect(address, target.port);
      socket.setTimeout(DIAL_MS, () => socket.destroy(new Error(`no answer within ${DIAL_MS} ms`)));
      try {
        await once(socket, 'connect');
        socket.setTimeout(0);
        socket.on('error', () => {});
        const drop = () => socket.destroy();
        client.once('close', drop);
        socket.once('close', () => client.off('close', drop));
        return socket;
      } catch (error) {
        failure = error;
      }
    }
    throw new Denial('unreachable', `${formatTarget(target)} cannot be reached: ${messageOf(failure)}`);
  }

  async #resolve(host: string): Promise<string[]> {
    if (isIP(host)) return [host];
    if (isLocal(host)) return ['127.0.0.1', '::1'];
    try {
      return await this.#outside.lookup(host);
    } catch (error) {
      throw new Denial('unresolved', `${host} has no address: ${messageOf(error)}`);
    }
  }

  async #encrypt(socket: Socket, { host }: Target): Promise<Duplex> {
    const { ca } = this.#outside;
    const secure = tlsConnect({ socket, servername: host, ALPNProtocols: ['http/1.1'], ...(ca ? { ca } : {}) });
    try {
      await once(secure, 'secureConnect', { signal: AbortSignal.timeout(DIAL_MS) });
    } catch (error) {
      secure.destroy();
      throw new Denial('credentials', `no trusted TLS connection to ${host}: ${messageOf(error)}`);
    }
    secure.on('error', () => {});
    return secure;
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
    this.#record({
      at: Date.now(),
      verdict: 'denied',
      kind,
      target: printable(asked),
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

/** What the sandbox wrote, for people and logs. */
const printable = (text: string, space = '?'): string =>
  text
    .replaceAll(' ', space)
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 300);

/** A fatal alert unrecognized_name (RFC 6066 §3): clients show it by name, where text would be a broken record. */
const TLS_UNRECOGNIZED_NAME = Buffer.from([21, 3, 3, 0, 2, 2, 112]);

function refusal(denial: Denial): string {
  const body = `Ripcord: ${denial.message}\n`;
  return (
    `HTTP/1.1 ${statusOf(denial)} ${phraseOf(denial)}\r\nContent-Type: text/plain\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\nX-Ripcord-Denied: ${denial.reason}\r\nConnection: close\r\n\r\n${body}`
  );
}

/** Of a refused CONNECT most clients show nothing else. */
const phraseOf = ({ message }: Denial): string => printable(`Ripcord: ${message}`, ' ');

/** 502: it was allowed, and could not be done. */
const statusOf = ({ reason }: Denial): number => {
  if (reason === 'malformed') return 400;
  return reason === 'unresolved' || reason === 'unreachable' ? 502 : 403;
};

const hostField = (target: Target, defaultPort: number): string =>
  target.port === defaultPort ? formatHost(target.host) : formatTarget(target);

function parseAbsolute(url: string): { target: Target; path: string } {
  const match = /^http:\/\/([^/?#]*)(\/[^#]*|\?[^#]*)?$/i.exec(url);
  const target = match && parseAuthority(match[1]!, 80);
  if (!target) {
    throw new Denial('malformed', `'${printable(url)}' is not an http:// URL; TLS goes through CONNECT`);
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

function checkServerName({ host }: Target, serverName: string | undefined, encrypted: boolean): void {
  if (encrypted) throw new Denial('tls-name', `${host}: encrypted ClientHello hides which server is meant`);
  // An address has no name to send (RFC 6066 §3).
  const expected = isIP(host) ? undefined : host;
  if (serverName?.toLowerCase() === expected) return;
  const sent = serverName === undefined ? 'no server name' : `the server name '${printable(serverName)}'`;
  throw new Denial('tls-name', `${host}: the TLS greeting has ${sent}`);
}

/**
 * The first bytes of a tunnel, once they have been looked at. To port 443 they are a TLS greeting of that very name;
 * elsewhere they are if they look like one.
 */
async function checkedStart(target: Target, client: Duplex, head: Buffer): Promise<Buffer> {
  const strict = target.port === 443;
  const timer = setTimeout(() => {
    if (strict) client.destroy(new Denial('tls-name', `no TLS greeting for ${target.host} within ${HELLO_MS} ms`));
  }, HELLO_MS);
  try {
    // It ends: what is incomplete is less than the one record that a greeting may be.
    for (let bytes = head; ; bytes = Buffer.concat([bytes, await nextChunk(client)])) {
      if (bytes.length > 0 && !strict && !looksLikeTls(bytes)) return bytes;
      const hello = readClientHello(bytes);
      if (hello.kind === 'not-tls') {
        throw new Denial('tls-name', `${formatTarget(target)} takes TLS only, and this is none: ${hello.why}`);
      }
      if (hello.kind === 'hello') {
        checkServerName(target, hello.serverName, hello.encrypted);
        return bytes;
      }
      if (client.readableEnded) {
        if (!strict && bytes.length === 0) return bytes;
        throw new Denial('tls-name', `${formatTarget(target)}: the connection ended before its TLS greeting did`);
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Empty at the end. */
async function nextChunk(client: Duplex): Promise<Buffer> {
  for (;;) {
    const chunk: Buffer | null = client.read();
    if (chunk !== null) return chunk;
    if (client.destroyed) throw client.errored ?? new Error('the connection has ended');
    if (client.readableEnded) return Buffer.alloc(0);
    await new Promise<void>((resolve) => {
      const settle = () => {
        client.off('readable', settle).off('end', settle).off('close', settle);
        resolve();
      };
      client.on('readable', settle).on('end', settle).on('close', settle);
    });
  }
}

function toInjection(entry: ResolvedNetwork['inject'][number], option: string): Injection {
  const target = parseAuthority(entry.host, entry.tls ? 443 : 80);
  if (!target) {
    throw new InvalidOptionsError(
      `create: ${option}.host: '${entry.host}' is not an exact host, with a port or without`,
    );
  }
  const value = process.env[entry.fromEnv];
  if (!value) {
    throw new InvalidOptionsError(`create: ${option}.fromEnv: the environment has no ${entry.fromEnv}`);
  }
  // The value must not show in a message.
  if (!/^[\t\x20-\x7e]*$/.test(entry.prefix + value)) {
    throw new InvalidOptionsError(`create: ${option}: ${entry.fromEnv} holds bytes that a header cannot have`);
  }
  return { target, header: entry.header, value: entry.prefix + value, tls: entry.tls };
}
