/** A server a test file, over a manager of its own, and ways to talk to it. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { RipcordClient } from 'ripcord-sandbox/client';
import { RipcordServer, type ServerOptions } from 'ripcord-sandbox/server';
import { afterAll, beforeAll, expect } from 'vitest';
import { WebSocket } from 'ws';
import { Contract, misfit } from './contract.js';
import type { ManagerUnderTest } from './sandbox.js';

export const TOKEN = 'operator-operator-operator-operator-operator';
export const OTHER_TOKEN = 'somebody-somebody-somebody-somebody-somebody';

export class ServerUnderTest {
  server!: RipcordServer;
  /** There once the server has said what it is. */
  contract?: Contract;

  get url(): string {
    return this.server.address;
  }

  get port(): number {
    return this.server.port!;
  }

  /** A request with the token, a JSON body and a JSON answer, which must be as the contract has it. */
  async call(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
    // biome-ignore lint/suspicious/noExplicitAny: the answer is under test
  ): Promise<{ status: number; headers: Headers; body: any }> {
    const json: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${TOKEN}`, ...json, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      redirect: 'manual',
    });
    const { status, headers: fields } = response;
    const answer = parsed(await response.text());
    this.contract?.check(method, path, status, answer);
    return { status, headers: fields, body: answer };
  }

  socket(path: string, headers: Record<string, string> = { authorization: `Bearer ${TOKEN}` }): WebSocket {
    return new WebSocket(this.url.replace('http', 'ws') + path, 'ripcord', { headers });
  }

  /** A figure of `/metrics`; undefined when it is not there. */
  async metric(name: string): Promise<number | undefined> {
    const lines = String((await this.call('GET', '/metrics')).body).split('\n');
    const found = lines.find((line) => line.startsWith(`${name} `));
    return found === undefined ? undefined : Number(found.slice(name.length));
  }

  client(token = TOKEN): Promise<RipcordClient> {
    return RipcordClient.connect({ url: this.url, token });
  }

  /** Sends exactly these bytes and resolves to all that comes back. */
  async raw(bytes: string | Buffer): Promise<string> {
    const socket = connect(this.port, '127.0.0.1');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.write(bytes);
    await once(socket, 'close');
    return Buffer.concat(chunks).toString('latin1');
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Closes it after the last test, with nothing of it left open. */
export function useServer(under: ManagerUnderTest, options: Partial<ServerOptions> = {}): ServerUnderTest {
  const served = new ServerUnderTest();
  beforeAll(async () => {
    served.server = await RipcordServer.open(under.manager, {
      listen: { port: 0 },
      tokens: [
        { name: 'operator', token: TOKEN },
        { name: 'other', token: OTHER_TOKEN },
      ],
      ...options,
    });
    served.contract = new Contract((await served.call('GET', '/openapi.json')).body);
  });
  afterAll(async () => {
    await served.server?.close();
    expect(under.manager.list()).toEqual([]);
  });
  return served;
}

/** The messages of a socket, one at a time. */
export class Messages {
  readonly socket: WebSocket;
  readonly all: (Record<string, unknown> | Buffer)[] = [];
  closed: number | undefined;
  #misfit: string | undefined;
  #read = 0;
  #wake: (() => void) | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => {
      const message = binary ? data : (JSON.parse(data.toString()) as Record<string, unknown>);
      if (!binary) this.#misfit ??= misfit(socket.url, message);
      this.all.push(message);
      this.#wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', (code) => {
      this.closed = code;
      this.#wake?.();
    });
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  /**
   * The next JSON message that fits; those before it are skipped. Rejects when the socket closes first, and when a message
   * was not as the contract has it.
   */
  // biome-ignore lint/suspicious/noExplicitAny: the message is under test
  async next(fits: (message: any) => boolean = () => true): Promise<any> {
    for (;;) {
      if (this.#misfit !== undefined) throw new Error(this.#misfit);
      while (this.#read < this.all.length) {
        const message = this.all[this.#read++]!;
        if (!Buffer.isBuffer(message) && fits(message)) return message;
      }
      if (this.closed !== undefined) throw new Error(`the socket was closed (${this.closed})`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
