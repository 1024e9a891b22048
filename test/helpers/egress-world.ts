/** A world for the egress proxy: names with addresses, and one server behind all of them that can be watched. */
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import type { Outside } from '../../src/egress/dialer.js';
import { type NetworkOptions, networkSchema } from '../../src/egress/options.js';
import { EgressProxy } from '../../src/egress/proxy.js';
import { makeCertificates } from './tls-proxy.js';

/** Addresses of each name, for the first lookup, the second, and so on; the last entry repeats. */
export type Names = Record<string, string[][]>;

export interface Seen {
  method: string;
  url: string;
  headers: http.IncomingHttpHeaders;
  tls: boolean;
  servername: string | undefined;
  body: string;
}

export class EgressWorld implements AsyncDisposable {
  readonly #names: Names;
  readonly #asked = new Map<string, number>();
  readonly #origin = http.createServer((request, response) => this.#serve(request, response));
  readonly #secure: tls.Server;
  readonly #sockets = new Set<Socket>();
  readonly #directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-egress-'));
  readonly #proxies: net.Server[] = [];
  readonly ca: string;
  /** Every address and port a connection was made to. */
  readonly dialled: string[] = [];
  readonly seen: Seen[] = [];

  private constructor(names: Names) {
    this.#names = names;
    const file = (name: string) => path.join(this.#directory, name);
    makeCertificates(file, 'DNS:ok.test,DNS:*.wild.test');
    this.ca = readFileSync(file('ca.pem'), 'utf8');
    this.#secure = tls.createServer(
      { cert: readFileSync(file('server.pem')), key: readFileSync(file('server-key.pem')) },
      (socket) => this.#origin.emit('connection', socket),
    );
    this.#secure.on('tlsClientError', () => {});
    this.#origin.on('upgrade', (request: http.IncomingMessage, socket: Socket) => {
      socket.on('error', () => {});
      if (request.url === '/no') socket.end('HTTP/1.1 426 No\r\nContent-Length: 2\r\n\r\nno');
      else {
        const { upgrade, host } = request.headers;
        socket.write(`HTTP/1.1 101 Yes\r\nConnection: Upgrade\r\nUpgrade: ${upgrade}\r\nX-Host: ${host}\r\n\r\n`);
        socket.pipe(socket);
      }
    });
  }

  static async open(names: Names): Promise<EgressWorld> {
    const world = new EgressWorld(names);
    for (const server of [world.#origin, world.#secure]) await world.#listen(server);
    return world;
  }

  readonly outside: Outside = {
    lookup: async (host) => {
      const answers = this.#names[host];
      if (!answers) throw new Error(`ENOTFOUND ${host}`);
      const time = this.#asked.get(host) ?? 0;
      this.#asked.set(host, time + 1);
      return answers[Math.min(time, answers.length - 1)]!;
    },
    connect: (address, port) => {
      this.dialled.push(`${address}:${port}`);
      const server = [443, 8443].includes(port) ? this.#secure : this.#origin;
      return net.connect((server.address() as AddressInfo).port, '127.0.0.1');
    },
  };

  /** A proxy with a port of its own, as the agent would give it. */
  async proxy(network: NetworkOptions, outside: Outside = this.outside): Promise<{ proxy: EgressProxy; port: number }> {
    const proxy = new EgressProxy(networkSchema.parse(network), { ca: this.ca, ...outside });
    const server = net.createServer({ allowHalfOpen: true }, (socket) => proxy.accept(socket));
    this.#proxies.push(server);
    return { proxy, port: await this.#listen(server) };
  }

  async #listen(server: net.Server): Promise<number> {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  #serve(request: http.IncomingMessage, response: http.ServerResponse): void {
    if (request.url === '/unasked') {
      request.socket.end('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
      return;
    }
    let body = '';
    request.setEncoding('latin1').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      const secure = request.socket as tls.TLSSocket;
      this.seen.push({
        method: request.method!,
        url: request.url!,
        headers: request.headers,
        tls: secure.encrypted === true,
        servername: (secure as { servername?: string }).servername,
        body,
      });
      response.end(`origin ${request.url}`);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of [this.#origin, this.#secure, ...this.#proxies]) server.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** Sends bytes, and reads until the other side ends or `until` has come. */
export async function talk(port: number, bytes: string | Buffer, until?: RegExp): Promise<string> {
  const socket = net.connect(port, '127.0.0.1');
  let answer = '';
  socket.on('error', () => {});
  socket.write(bytes);
  const done = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (until?.test(answer)) resolve();
    });
    socket.setTimeout(5000, () => resolve());
  });
  await done;
  socket.destroy();
  return answer;
}

/** A tunnel through the proxy, once it is open. */
export async function tunnel(port: number, target: string): Promise<Socket> {
  const socket = net.connect(port, '127.0.0.1');
  socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
  let head = '';
  while (!head.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    head += chunk.toString('latin1');
  }
  if (!head.startsWith('HTTP/1.1 200 ')) throw new Error(head.split('\r\n')[0]);
  return socket;
}
