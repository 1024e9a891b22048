/** Forwards plain HTTP requests. Each one is checked, and its head is rewritten for the server. */
import { type ClientRequest, request as httpRequest, type IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { printableAscii } from '../base/harmless-text.js';
import { answerTo } from '../ports/answer.js';
import { join } from '../ports/join.js';
import { unpace } from '../ports/paced-connection.js';
import type { Decisions } from './decisions.js';
import type { Destinations } from './destinations.js';
import type { Route } from './dialer.js';
import { isFramed, unknownCoding } from './framing.js';
import { type Injection, injectionFor } from './injection.js';
import { Denial } from './policy.js';
import { phraseOf, refusal, sendLastWords, statusOf } from './refusal.js';
import {
  checkHost,
  checkRequest,
  framing,
  hostField,
  isWebSocket,
  parseTarget,
  passedOn,
  VIA,
} from './request-head.js';
import type { Target } from './rules.js';
import type { HttpTunnel } from './tunnel.js';

/** A request that was sent, and its answer. An answer that switches protocols includes the connection. */
interface Sent {
  outgoing: ClientRequest;
  answered: Promise<Answer>;
}
interface Answer {
  incoming: IncomingMessage;
  switched?: { connection: Duplex; first: Buffer };
}

export class Forwarder {
  readonly #destinations: Destinations;
  readonly #decisions: Decisions;
  readonly #injections: readonly Injection[];
  readonly #tunnels = new WeakMap<Duplex, HttpTunnel>();

  constructor(destinations: Destinations, decisions: Decisions, injections: readonly Injection[]) {
    this.#destinations = destinations;
    this.#decisions = decisions;
    this.#injections = injections;
  }

  /** Records that the requests of `client` come through a tunnel. */
  inTunnel(client: Duplex, tunnel: HttpTunnel): void {
    this.#tunnels.set(client, tunnel);
  }

  /** Answers one plain HTTP request. */
  async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let sent: Sent | undefined;
    response.on('error', () => {});
    try {
      sent = await this.#send(request, false);
      // The answer may arrive before the whole body is sent. An error of the body also destroys `outgoing`.
      pipeline(request, sent.outgoing).catch(() => {});
      await this.#answer(await sent.answered, response);
    } catch (error) {
      sent?.outgoing.destroy();
      if (response.headersSent) response.destroy();
      else {
        const denial = this.#decisions.deny('http', request.url ?? '', error);
        response.writeHead(statusOf(denial), phraseOf(denial), {
          'Content-Type': 'text/plain',
          'X-Ripcord-Denied': denial.reason,
        });
        response.end(`Ripcord: ${denial.message}\n`);
      }
    }
  }

  /**
   * Handles a WebSocket upgrade in a tunnel that carries HTTP. If the server switches protocols, both connections are
   * joined; otherwise its answer is forwarded.
   */
  async upgrade(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
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
      else sendLastWords(client, refusal(this.#decisions.deny('http', request.url ?? '', error)));
    }
  }

  async #answer({ incoming }: Answer, response: ServerResponse): Promise<void> {
    const coding = unknownCoding(incoming.headers);
    if (coding !== undefined) throw new Denial('unreachable', `the server sends '${printableAscii(coding)}', unasked`);
    response.writeHead(incoming.statusCode!, incoming.statusMessage, passedOn(incoming.rawHeaders, []));
    await pipeline(incoming, response);
  }

  /**
   * Checks a plain HTTP request and sends its head to the server.
   * @throws Denial
   */
  async #send(request: IncomingMessage, upgrades: boolean): Promise<Sent> {
    const client = request.socket;
    const tunnel = this.#tunnels.get(client);
    checkRequest(request);
    const { target, path } = parseTarget(request.url ?? '', tunnel?.target);
    checkHost(request, target, tunnel ? target.port : 80);
    if (request.headers.via?.includes(VIA)) throw new Denial('loop', 'this request has been here before');
    const inside = this.#destinations.isInside(target);
    const injection = inside ? undefined : injectionFor(this.#injections, target);
    const to = injection?.target ?? target;
    const route = inside
      ? { connection: await this.#destinations.connectInside(target), address: undefined, upstream: undefined }
      : await this.#reach(to, client, tunnel, upgrades || injection?.tls === true);
    const connection = injection?.tls
      ? await this.#destinations.dialer.encrypt(route.connection, to)
      : route.connection;
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
    // Avoid an unhandled rejection: the caller awaits it later.
    answered.catch(() => {});
    return { outgoing, answered };
  }

  /**
   * Connects to the target.
   * @throws Denial
   */
  async #reach(to: Target, client: Duplex, tunnel: HttpTunnel | undefined, isTunnel: boolean): Promise<Route> {
    const rule = this.#destinations.admit(to);
    const { spare, target } = tunnel ?? {};
    if (tunnel) tunnel.spare = undefined;
    const isFit = spare && target!.host === to.host && target!.port === to.port && !spare.connection.destroyed;
    if (spare && !isFit) spare.connection.destroy();
    const dial = () =>
      isTunnel ? this.#destinations.dialer.tunnel(to, client) : this.#destinations.dialer.request(to, client);
    const route = isFit ? spare : await dial();
    this.#decisions.allow('http', to, { rule: rule.text, address: route.address });
    return route;
  }
}

/**
 * Waits for the answer to an upgrade.
 * @throws errors of {@link answerTo}; Denial if the server switches to another protocol than the requested one
 */
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
