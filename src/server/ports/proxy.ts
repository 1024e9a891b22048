/** Passes a request to a server inside a sandbox, over its pipe, and passes the answer back. */
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { onAbort } from '../../base/abort.js';
import { messageOf, RipcordError } from '../../base/errors.js';
import { isFramed, unknownCoding } from '../../egress/framing.js';
import { answerTo, boundInformational } from '../../ports/answer.js';
import { join } from '../../ports/join.js';
import { PacedConnection } from '../../ports/paced-connection.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { inwards, outwards, type Place } from './headers.js';

export interface Forwarded {
  port: number;
  /** Path and query for the server inside. */
  target: string;
  /** Path on this server, in front of the target. */
  prefix: string;
  /** True if the prefix contains the secret of a preview. */
  preview: boolean;
  signal: AbortSignal;
}

/** @throws RipcordError `port-refused`, `unreachable`, `malformed`, if no answer was begun */
export async function forwardRequest(
  sandbox: Sandbox,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  forwarded: Forwarded,
): Promise<void> {
  const { port, target, signal } = forwarded;
  if (unknownCoding(incoming.headers) !== undefined) {
    throw new RipcordError('malformed', "Only the transfer coding 'chunked' is supported");
  }
  const connection = new PacedConnection(await sandbox.ports.connect(port, { signal }));
  const headers = { ...inwards(incoming.headers, forwarded), connection: 'close' };
  const inside = httpRequest({
    method: incoming.method ?? 'GET',
    path: target,
    // Node frames a body by itself for some methods only. The server would read an unframed body as a new request.
    headers:
      isFramed(incoming.headers) && !('content-length' in headers)
        ? { ...headers, 'transfer-encoding': 'chunked' }
        : headers,
    createConnection: () => connection,
  });
  const unlisten = onAbort(signal, () => void inside.destroy());
  try {
    const answered = answerTo(inside);
    // The server may answer before it has read the whole body: ignore an error of the rest.
    pipeline(incoming, inside).catch(() => {});
    const answer = await answered.catch((cause) => {
      throw new RipcordError('unreachable', `Port ${port} does not answer in HTTP: ${messageOf(cause)}`, { cause });
    });
    if (unknownCoding(answer.headers) !== undefined) {
      throw new RipcordError('unreachable', `Port ${port} answers with an unsupported transfer coding`);
    }
    const status = answer.statusCode ?? 0;
    // Node's parser accepts any three digits, but `writeHead` refuses a status below 100.
    if (status < 100) throw new RipcordError('unreachable', `Port ${port} answers with the invalid status ${status}`);
    outgoing.writeHead(status, outwards(answer.headers, placeOf(incoming, forwarded)));
    await pipeline(answer, outgoing);
  } finally {
    unlisten();
    connection.destroy();
  }
}

/** Passes on an upgrade to a WebSocket. Once the server inside accepts it, the two connections are joined byte by byte. */
export async function forwardUpgrade(sandbox: Sandbox, incoming: IncomingMessage, forwarded: Forwarded): Promise<void> {
  const { port, target, signal } = forwarded;
  const { socket } = incoming;
  if (!isWebSocket(incoming) || isFramed(incoming.headers)) {
    throw new RipcordError('malformed', 'Only upgrades to WebSocket are supported, and only without a body');
  }
  const connection = new PacedConnection(await sandbox.ports.connect(port, { signal }));
  const inside = httpRequest({
    path: target,
    headers: { ...inwards(incoming.headers, forwarded), connection: 'Upgrade', upgrade: 'websocket' },
    createConnection: () => connection,
  });
  boundInformational(inside);
  inside.end();
  const unlisten = onAbort(signal, () => void inside.destroy());
  try {
    const [answer, upgraded, first] = await Promise.race([
      once(inside, 'upgrade') as Promise<[IncomingMessage, Duplex, Buffer]>,
      once(inside, 'response') as Promise<[IncomingMessage, undefined, undefined]>,
    ]).catch((cause) => {
      throw new RipcordError('unreachable', `Port ${port} does not answer in HTTP: ${messageOf(cause)}`, { cause });
    });
    if (!upgraded || !isWebSocket(answer)) {
      throw new RipcordError(
        'unreachable',
        `Port ${port} answers ${answer.statusCode}: it does not accept a WebSocket`,
      );
    }
    const fields = {
      ...outwards(answer.headers, placeOf(incoming, forwarded)),
      connection: 'Upgrade',
      upgrade: 'websocket',
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${String(value)}`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    // Bytes that the server inside sent right after its 101.
    socket.write(first);
    connection.unpace();
    await join(socket, upgraded);
  } finally {
    unlisten();
    connection.destroy();
    socket.destroy();
  }
}

const placeOf = ({ headers: { host, origin } }: IncomingMessage, forwarded: Forwarded): Place => ({
  ...forwarded,
  host,
  origin,
});

const isWebSocket = ({ headers }: IncomingMessage): boolean => /^websocket$/i.test(headers.upgrade ?? '');
