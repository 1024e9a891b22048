/** Background commands of a sandbox on a server. They keep running without a connection. */
import { on } from 'node:events';
import type { z } from 'zod';
import { onAbort, throwIfAborted } from '../base/abort.js';
import type { RipcordError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import type { CommandResult } from '../command/outcome.js';
import type { CommandLine } from '../sandbox/sandbox.js';
import { type OutputPiece, STDOUT } from '../wire/channels.js';
import { type CommandDocument, killQuery, spawnBody } from '../wire/commands.js';
import { fromErrorDocument } from '../wire/errors.js';
import type { OutputAnswer } from '../wire/messages.js';
import { openSocket } from './open-socket.js';
import type { Transport } from './transport.js';

/** Number of unread messages at which the socket is paused. */
const AHEAD = 16;

/** Background commands of a sandbox on a server. They keep running without a connection. */
export class RemoteCommands {
  readonly #transport: Transport;
  readonly #path: string;

  /** @internal */
  constructor(transport: Transport, sandbox: string) {
    this.#transport = transport;
    this.#path = `${sandbox}/commands`;
  }

  /** Starts a command in the background. */
  start(command: CommandLine, options: Omit<z.input<typeof spawnBody>, 'command'> = {}): Promise<CommandDocument> {
    const json = { ...options, command };
    parseOptions(spawnBody, json, 'commands.start');
    return this.#transport.json('POST', this.#path, { what: 'starting a command', json });
  }

  /** Returns all background commands of the sandbox. */
  list(): Promise<CommandDocument[]> {
    return this.#transport.json('GET', this.#path, { what: 'listing commands' });
  }

  /** Kills a command. Resolves when its process tree is dead. With the name of a signal, only sends that signal. */
  kill(id: string, signal?: string): Promise<CommandDocument> {
    parseOptions(killQuery, { signal }, 'commands.kill');
    return this.#transport.json('DELETE', this.#pathOf(id), { what: 'ending a command', query: { signal } });
  }

  /**
   * Yields the output that the server has kept, then new output; returns the result of the command. Leaving the loop does
   * not end the command. A slow reader does not block it: `missing` counts bytes of a channel that were dropped.
   *
   * @throws TaskAbortedError, which ends only the reading; RipcordError `not-found`, `unreachable`
   */
  async *output(id: string, { signal }: { signal?: AbortSignal } = {}): AsyncGenerator<OutputPiece, CommandResult> {
    const what = 'following a command';
    throwIfAborted(signal, what);
    const socket = openSocket(this.#transport, `${this.#pathOf(id)}/output`);
    let refused: Promise<RipcordError> | undefined;
    socket.on('unexpected-response', (_, response) => {
      refused = this.#transport.refused(response, what);
      void refused.then(() => socket.terminate());
    });
    const unlisten = onAbort(signal, () => socket.terminate());
    let reported: RipcordError | undefined;
    try {
      const messages = on(socket, 'message', { close: ['close'], highWaterMark: AHEAD, lowWaterMark: 1 });
      for await (const [data, binary] of messages as AsyncIterable<[Buffer, boolean]>) {
        if (binary) {
          yield { channel: data[0] === STDOUT ? 'stdout' : 'stderr', bytes: data.subarray(1) };
          continue;
        }
        const message = JSON.parse(data.toString('utf8')) as OutputAnswer;
        if (message.type === 'result') return message.result;
        if (message.type === 'gap') yield { channel: message.channel, missing: message.bytes };
        else throw (reported = fromErrorDocument(message));
      }
      throw new Error('the socket was closed');
    } catch (error) {
      throwIfAborted(signal, what);
      throw reported ?? (await refused) ?? this.#transport.lost(what, error);
    } finally {
      unlisten();
      socket.on('error', () => {});
      socket.terminate();
    }
  }

  #pathOf(id: string): string {
    return `${this.#path}/${encodeURIComponent(id)}`;
  }
}
