import { Readable, Writable } from 'node:stream';
import { type Channel, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream } from '../agent/stream.js';
import { RipcordError } from '../base/errors.js';
import type { OutputSink } from './command.js';

/** Maximum amount of unread output per channel. */
export const STREAM_WINDOW = 1024 * 1024;

/** Node streams over an agent stream. A slow reader blocks the command, never the pipe. */
export class CommandStreams implements OutputSink {
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  #stream: AgentStream | undefined;
  /** Received bytes for which credit has not been granted yet. */
  readonly #owed: [number, number] = [0, 0];
  readonly #hasEnded: [boolean, boolean] = [false, false];
  readonly #blockBytes: number;
  #block: Buffer | undefined;
  #filled = 0;

  /**
   * @param blockBytes Passes stdout on in blocks of this size, for bulk data: the engine splits data into pieces of at
   * most 32 KiB, and each costs the reader a turn. At most half of the window. Default: as it arrives.
   */
  constructor(stdin: boolean, blockBytes = 0) {
    this.#blockBytes = blockBytes;
    this.stdout = this.#readable(STDOUT);
    this.stderr = this.#readable(STDERR);
    this.stdin = stdin ? this.#writable() : null;
  }

  connect(stream: AgentStream): void {
    this.#stream = stream;
  }

  /**
   * Receives output.
   * @throws RipcordError `protocol` after the channel's end: pushing to the ended stream would emit an unhandled error
   */
  output(channel: Channel, chunk: Buffer): void {
    if (this.#hasEnded[channel - 1]) {
      throw new RipcordError('protocol', 'The agent sent output on a channel that has ended');
    }
    if (channel === STDOUT && this.#blockBytes > 0) this.#gather(chunk);
    else this.#push(channel, owned(chunk));
  }

  eof(channel: Channel): void {
    this.#hasEnded[channel - 1] = true;
    const readable = channel === STDOUT ? this.stdout : this.stderr;
    if (channel === STDOUT && this.#block) {
      this.#push(STDOUT, this.#block.subarray(0, this.#filled));
      this.#block = undefined;
    }
    if (!readable.destroyed && !readable.readableEnded) readable.push(null);
  }

  #gather(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      this.#block ??= Buffer.allocUnsafeSlow(this.#blockBytes);
      const copied = chunk.copy(this.#block, this.#filled, at);
      at += copied;
      this.#filled += copied;
      if (this.#filled < this.#blockBytes) return;
      this.#push(STDOUT, this.#block);
      this.#block = undefined;
      this.#filled = 0;
    }
  }

  #push(channel: Channel, bytes: Buffer): void {
    const readable = channel === STDOUT ? this.stdout : this.stderr;
    this.#owed[channel - 1]! += bytes.length;
    if (readable.destroyed || readable.push(bytes)) this.#grant(channel);
  }

  #grant(channel: Channel): void {
    const owed = this.#owed[channel - 1]!;
    this.#owed[channel - 1] = 0;
    this.#stream?.grant(channel, owed);
  }

  #readable(channel: Channel): Readable {
    return new Readable({
      highWaterMark: STREAM_WINDOW / 2,
      read: () => this.#grant(channel),
      // A destroyed stream must not block the command: grant credit, and later output is dropped.
      destroy: (error, done) => {
        this.#grant(channel);
        done(error);
      },
    });
  }

  #writable(): Writable {
    const writable = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#stream!.writeStdin(chunk).then(
          (taken) =>
            done(
              taken
                ? null
                : Object.assign(new Error('The command does not read its input any more'), { code: 'EPIPE' }),
            ),
          done,
        );
      },
      final: (done) => {
        this.#stream?.endStdin();
        done();
      },
    });
    // Writing to an ended command must not end the process with an unhandled 'error' event.
    writable.on('error', () => {});
    return writable;
  }
}

/**
 * Copies a small slice, because it would otherwise keep the whole chunk of the pipe in memory as long as it is used.
 */
export function owned(chunk: Buffer): Buffer {
  return chunk.length * 4 < chunk.buffer.byteLength ? Buffer.from(chunk) : chunk;
}
