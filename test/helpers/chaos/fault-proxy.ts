/** An engine that misbehaves: a proxy in front of the real one that spoils chosen calls of its HTTP API. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineSocket } from './engine-api.js';

/** Faults of a call: the engine never receives it, or executes it and the answer is damaged. */
export const FAULTS = {
  'answers 500 without doing it': { status: 500, before: true },
  'does it and answers 500': { status: 500 },
  'answers 404 without doing it': { status: 404, before: true },
  'answers 409 without doing it': { status: 409, before: true },
  'drops the connection without doing it': { reset: true, before: true },
  'does it and drops the connection': { reset: true },
  'does it and never answers': { silent: true },
  'cuts its answer in half': { half: true },
  'sends its answer byte by byte': { slow: true },
  'takes a second longer': { delayMs: 1000 },
} satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export interface Fault {
  before?: boolean;
  status?: number;
  /** Message of the error that the engine answers with `status`. */
  message?: string;
  reset?: boolean;
  silent?: boolean;
  half?: boolean;
  slow?: boolean;
  delayMs?: number;
}

export class FaultProxy {
  readonly #directory = mkdtempSync(join(tmpdir(), 'rc-faults-'));
  readonly endpoint = `unix://${join(this.#directory, 'engine.sock')}`;
  readonly #target: string;
  readonly #server = http.createServer((request, response) => void this.#pass(request, response));
  readonly #sockets = new Set<Duplex>();
  #armed: { call: RegExp; fault: Fault; left: number } | undefined;
  /** Calls that were spoilt. */
  hits = 0;

  private constructor(target: string) {
    this.#target = target;
    this.#server.on('connection', (socket) => this.#track(socket));
    this.#server.on('upgrade', (request, socket, head) =>
      this.#passUpgrade(request, this.#fault(request), socket, head),
    );
  }

  static async start(target = engineSocket()): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(proxy.endpoint.slice('unix://'.length));
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** Spoils the next `times` calls whose `METHOD /path?query` matches. */
  arm(call: RegExp, fault: FaultName | Fault, times = 1): void {
    this.#armed = { call, fault: typeof fault === 'string' ? FAULTS[fault] : fault, left: times };
    this.hits = 0;
  }

  disarm(): void {
    this.#armed = undefined;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #track(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
  }

  #fault(request: IncomingMessage): Fault {
    const armed = this.#armed;
    if (!armed || armed.left === 0 || !armed.call.test(`${request.method} ${request.url}`)) return {};
    armed.left--;
    this.hits++;
    return armed.fault;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = this.#fault(request);
    response.on('error', () => {});
    if (fault.before) return spoil(response, fault);
    if (fault.delayMs) await sleep(fault.delayMs);
    const { headers, method, url } = request;
    const asked = http.request({ socketPath: this.#target, method, path: url, headers, agent: false });
    response.once('close', () => asked.destroy());
    asked.on('error', () => response.destroy());
    request.pipe(asked);
    const [answer] = (await once(asked, 'response').catch(() => [undefined])) as [IncomingMessage | undefined];
    if (!answer) return;
    answer.on('error', () => response.destroy());
    if (fault.status || fault.reset || fault.silent) {
      answer.resume();
      return spoil(response, fault);
    }
    if (fault.half || fault.slow) return mangle(answer, response, fault);
    response.writeHead(answer.statusCode!, answer.rawHeaders);
    response.flushHeaders();
    answer.pipe(response);
  }

  /** An attach: after its answer the connection carries no HTTP any more, so that it is passed on as bytes. */
  #passUpgrade({ method, rawHeaders, url }: IncomingMessage, fault: Fault, client: Duplex, head: Buffer): void {
    const engine = connect({ path: this.#target, allowHalfOpen: true });
    this.#track(engine);
    engine.once('close', () => client.destroy());
    client.once('close', () => engine.destroy());
    const refuse = () =>
      fault.reset
        ? client.destroy()
        : client.end(`HTTP/1.1 ${fault.status} Fault\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
    if (fault.before) {
      refuse();
      return;
    }
    const fields = rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}\r\n`] : []));
    setTimeout(() => {
      // In one piece: a body that comes later than its head would be taken for the agent's stdin.
      const start = Buffer.from(`${method} ${url} HTTP/1.1\r\n${fields.join('')}\r\n`, 'latin1');
      engine.write(Buffer.concat([start, head]));
    }, fault.delayMs ?? 0);
    engine.once('data', async (answer: Buffer) => {
      engine.pause();
      if (fault.status || fault.reset) return refuse();
      if (fault.silent) return;
      if (fault.half) return client.end(answer.subarray(0, answer.length / 2));
      for (let at = 0; fault.slow && at < answer.length; at++) {
        client.write(answer.subarray(at, at + 1));
        await sleep(1);
      }
      if (!fault.slow) client.write(answer);
      client.pipe(engine).pipe(client);
    });
  }
}

function spoil(response: ServerResponse, fault: Fault): void {
  if (fault.silent) return;
  if (fault.reset) {
    response.destroy();
    return;
  }
  response.writeHead(fault.status!, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ message: fault.message ?? 'a fault of the test' }));
}

async function mangle(answer: IncomingMessage, response: ServerResponse, fault: Fault): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  response.writeHead(answer.statusCode!, answer.rawHeaders);
  response.flushHeaders();
  if (fault.half) {
    response.write(body.subarray(0, body.length / 2));
    // Written data is sent first.
    await sleep(10);
    response.destroy();
    return;
  }
  // A long answer would take for ever: its end is what counts.
  const from = Math.max(0, body.length - 200);
  response.write(body.subarray(0, from));
  for (let at = from; at < body.length; at++) {
    response.write(body.subarray(at, at + 1));
    await sleep(1);
  }
  response.end();
}
