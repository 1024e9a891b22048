/** `ripcord-sandbox/client`: connects to a server, creates sandboxes and runs tasks there. */

import { InvalidOptionsError, messageOf, RipcordError, TaskAbortedError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import type { SandboxReceipt } from '../cleanup/receipt.js';
import { defaultSocket } from '../http/unix-socket.js';
import type { ImageDocument, KeptReceipt, SandboxDocument } from '../wire/sandboxes.js';
import { type ClientOptions, clientSchema, type RemoteCreateOptions, remoteCreateSchema } from './options.js';
import { RemoteSandbox } from './remote-sandbox.js';
import { RemoteTasks } from './remote-tasks.js';
import { Transport } from './transport.js';

/** Sandboxes and tasks of a server. */
export class RipcordClient implements AsyncDisposable {
  /** Tasks of the server: iteration runs of its registered specs. */
  readonly tasks: RemoteTasks;
  readonly #transport: Transport;
  readonly #made = new Set<RemoteSandbox>();

  private constructor(transport: Transport) {
    this.#transport = transport;
    this.tasks = new RemoteTasks(transport);
  }

  /**
   * Connects to the server and checks that it answers and accepts the token.
   *
   * @throws RipcordError `unreachable`, `unauthorized`, `draining`; TaskAbortedError
   * @example
   * await using client = await RipcordClient.connect({ url: 'http://127.0.0.1:7077', token })
   * await using sandbox = await client.create({ image: 'python' })
   * console.log((await sandbox.exec(['python3', '-c', 'print(6 * 7)'])).stdout)
   */
  static async connect(options?: ClientOptions): Promise<RipcordClient> {
    const { url, socket, token, signal } = parseOptions(clientSchema, options, 'connect');
    if (url !== undefined && socket !== undefined)
      throw new InvalidOptionsError('connect: a url or a socket, not both');
    const address = url ?? (socket === undefined ? process.env.RIPCORD_URL : undefined);
    const place = {
      url: new URL(address ?? 'http://localhost'),
      socket: address === undefined ? (socket ?? defaultSocket()) : undefined,
      token: token ?? process.env.RIPCORD_TOKEN,
    };
    const client = new RipcordClient(new Transport(place));
    try {
      await client.#transport.json('GET', '/v1/specs', { what: 'connecting', signal });
      return client;
    } catch (error) {
      client.#transport.close();
      if (!(error instanceof RipcordError) || error.code !== 'unreachable') throw error;
      throw new RipcordError(
        'unreachable',
        `No server answers at ${place.socket ?? place.url.origin}: ${messageOf(error.cause ?? error)}`,
        {
          cause: error,
          hint: 'Start one with: ripcord serve',
        },
      );
    }
  }

  /** Creates a sandbox, as `SandboxManager.create()` does, within the limits that the server sets for its callers. */
  async create(options?: RemoteCreateOptions): Promise<RemoteSandbox> {
    const { signal } = parseOptions(remoteCreateSchema, options, 'create');
    const { signal: _, ...json } = options ?? {};
    const made = await this.#transport.json<SandboxDocument>('POST', '/v1/sandboxes', {
      what: 'creating a sandbox',
      json,
      signal,
    });
    const sandbox = new RemoteSandbox(this.#transport, made);
    if (signal?.aborted) {
      await sandbox.close();
      throw new TaskAbortedError('Aborted while creating a sandbox', { cause: signal.reason });
    }
    this.#made.add(sandbox);
    return sandbox;
  }

  /** Returns the open sandboxes of this token, also those that other clients created. */
  async list(): Promise<RemoteSandbox[]> {
    const found = await this.#transport.json<SandboxDocument[]>('GET', '/v1/sandboxes', { what: 'listing sandboxes' });
    return found.map((document) => new RemoteSandbox(this.#transport, document));
  }

  /** Returns the open sandbox with this id; undefined if it does not exist. */
  async get(id: string): Promise<RemoteSandbox | undefined> {
    return (await this.list()).find((sandbox) => sandbox.id === id);
  }

  /** Returns the receipts of the last 100 teardowns, newest first. */
  receipts(): Promise<KeptReceipt[]> {
    return this.#transport.json('GET', '/v1/receipts', { what: 'listing receipts' });
  }

  /** Returns the images of the server, with their state and size. */
  images(): Promise<ImageDocument[]> {
    return this.#transport.json('GET', '/v1/images', { what: 'listing images' });
  }

  /** Closes the sandboxes that this client created, then its connections. */
  async close(): Promise<SandboxReceipt[]> {
    const closed = await Promise.allSettled([...this.#made].map((sandbox) => sandbox.close()));
    this.#transport.close();
    // A sandbox that is already closed has had its teardown.
    return closed.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
