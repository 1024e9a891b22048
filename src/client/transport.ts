/** Sends requests to a server, over TCP or its Unix socket, on keep-alive connections. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { onAbort, throwIfAborted, within } from '../base/abort.js';
import { messageOf, RipcordError, TaskAbortedError } from '../base/errors.js';
import { type ErrorDocument, fromErrorDocument } from '../wire/errors.js';

interface Place {
  /** URL of the server, such as `http://127.0.0.1:7077`. With `socket`, only its path is used. */
  url: URL;
  socket: string | undefined;
  token: string | undefined;
}

export interface Ask {
  /** Body to send as JSON. */
  json?: unknown;
  /** Body to send unchanged. */
  body?: AsyncIterable<string | Uint8Array>;
  query?: Record<string, string | number | boolean | undefined>;
  signal?: AbortSignal | undefined;
  /** Name of the operation, for messages. */
  what: string;
  /** True if the output of a partial result is text. Default true. */
  text?: boolean;
}

/** Time for the server to answer an aborted request, longer than killing a tree takes. */
const ABORT_ANSWER_MS = 10_000;

export class Transport {
  readonly #place: Place;
  readonly #agent: http.Agent;

  constructor(place: Place) {
    this.#place = place;
    const options = { keepAlive: true, maxSockets: 256 };
    this.#agent = place.url.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options);
  }

  /** Sends a request and returns the JSON of the answer. @throws the error that the server reports */
  async json<T>(method: string, path: string, ask: Ask): Promise<T> {
    return this.#aborting(ask, async (send) => {
      const response = await send(method, path);
      const bytes = await buffer(response).catch((cause) => {
        throw this.#lost(ask, cause);
      });
      return (bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'))) as T;
    });
  }

  /** Sends a request and returns the body of the answer as a stream. `ask.signal` also ends the stream. */
  async stream(method: string, path: string, ask: Ask): Promise<Readable> {
    const response = await this.#aborting(ask, (send) => send(method, path));
    const unlisten = onAbort(ask.signal, () =>
      response.destroy(new TaskAbortedError(`Aborted while ${ask.what}`, { cause: ask.signal?.reason })),
    );
    response.once('close', unlisten);
    return response;
  }

  /** Returns the URL of `path`; undefined on a Unix socket. */
  addressOf(path: string): string | undefined {
    const { url, socket } = this.#place;
    return socket === undefined ? new URL(path, url).href : undefined;
  }

  /** Returns the address and the header fields of a WebSocket for `path`. */
  socketTarget(path: string): { target: string | URL; headers: Record<string, string> } {
    const { url, socket, token } = this.#place;
    const target = socket === undefined ? new URL(path, url.href.replace(/^http/, 'ws')) : `ws+unix:${socket}:${path}`;
    return { target, headers: this.#headers(token) };
  }

  /** Reads the answer that refused the upgrade to a WebSocket. Returns the error that the server reported. */
  async refused(response: IncomingMessage, what: string): Promise<RipcordError> {
    try {
      return refusal(response.statusCode!, await buffer(response));
    } catch (cause) {
      return this.lost(what, cause);
    }
  }

  lost(what: string, cause: unknown): RipcordError {
    return new RipcordError('unreachable', `The server was lost while ${what}: ${messageOf(cause)}`, { cause });
  }

  close(): void {
    this.#agent.destroy();
  }

  #lost({ what, signal }: Ask, cause: unknown): RipcordError {
    if (cause instanceof RipcordError) return cause;
    if (signal?.aborted) {
      return new TaskAbortedError(`Aborted while ${what}`, { cause: signal.reason, details: { confirmed: false } });
    }
    return this.lost(what, cause);
  }

  #headers(token: string | undefined): Record<string, string> {
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  }

  /**
   * Runs `work`, which sends one request. On abort, first asks the server to abort the request, so that its answer has the
   * partial result and confirms that the tree is dead.
   */
  async #aborting<T>(
    ask: Ask,
    work: (send: (method: string, path: string) => Promise<IncomingMessage>) => Promise<T>,
  ): Promise<T> {
    throwIfAborted(ask.signal, ask.what);
    const id = randomUUID();
    let request: ClientRequest | undefined;
    const running = work(async (method, path) => {
      request = this.#request(method, path, ask, ask.signal ? id : undefined);
      return this.#answer(request, ask);
    });
    if (!ask.signal) return running;
    const unlisten = onAbort(ask.signal, () => void this.#abort(id, running, () => request?.destroy()));
    try {
      const value = await running;
      return value;
    } catch (error) {
      if (error instanceof TaskAbortedError && error.cause === undefined) error.cause = ask.signal.reason;
      throw error;
    } finally {
      unlisten();
    }
  }

  async #abort(id: string, running: Promise<unknown>, cut: () => void): Promise<void> {
    const settled = running.then(
      () => true,
      () => true,
    );
    try {
      await this.json('POST', `/v1/requests/${id}/abort`, { what: 'aborting a request' });
      if ((await within(settled, ABORT_ANSWER_MS)) === undefined) cut();
    } catch {
      // The request has not arrived yet, or the server is gone: closing the connection aborts the request as well.
      cut();
    }
  }

  #request(method: string, path: string, { json, body, query }: Ask, id: string | undefined): ClientRequest {
    const { url, socket, token } = this.#place;
    const headers: Record<string, string> = {
      ...this.#headers(token),
      ...(id !== undefined && { 'ripcord-request': id }),
    };
    const text = json === undefined ? undefined : JSON.stringify(json);
    if (text !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(text));
    } else if (body) headers['content-type'] = 'application/octet-stream';
    const target = new URL(path, url);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined)
        target.searchParams.set(name, typeof value === 'boolean' ? (value ? '1' : '0') : String(value));
    }
    const options = { method, headers, agent: this.#agent, ...(socket !== undefined && { socketPath: socket }) };
    const request = (url.protocol === 'https:' ? https : http).request(target, options);
    // `#answer` reports the error.
    request.on('error', () => {});
    if (body) {
      const source = Readable.from(
        reportingErrors(body, (error) => failures.set(request, error)),
        { objectMode: false },
      );
      pipeline(source, request).catch((error) => request.destroy(error));
    } else request.end(text);
    return request;
  }

  async #answer(request: ClientRequest, ask: Ask): Promise<IncomingMessage> {
    let response: IncomingMessage;
    try {
      [response] = (await once(request, 'response')) as [IncomingMessage];
    } catch (cause) {
      if (failures.has(request)) throw failures.get(request);
      throw this.#lost(ask, cause);
    }
    if (response.statusCode! < 400) return response;
    const bytes = await buffer(response).catch((cause) => {
      throw this.#lost(ask, cause);
    });
    throw refusal(response.statusCode!, bytes, ask.text);
  }
}

/** Errors of the caller's iterables, by request. The broken connection reports only a generic error. */
const failures = new WeakMap<ClientRequest, unknown>();

async function* reportingErrors<T>(body: AsyncIterable<T>, onError: (error: unknown) => void): AsyncGenerator<T> {
  try {
    yield* body;
  } catch (error) {
    onError(error);
    throw error;
  }
}

function refusal(status: number, bytes: Buffer, text = true): RipcordError {
  try {
    return fromErrorDocument(JSON.parse(bytes.toString('utf8')) as ErrorDocument, text);
  } catch {
    return new RipcordError('unreachable', `The answer, with status ${status}, is not from a Ripcord server`);
  }
}
