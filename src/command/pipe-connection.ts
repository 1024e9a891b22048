import { Duplex } from 'node:stream';
import type { CommandStreams } from './streams.js';

/**
 * A connection over the pipe as one duplex stream. Each direction ends on its own, as with a socket that allows
 * half-open connections.
 */
export class PipeConnection extends Duplex {
  readonly #streams: CommandStreams;
  readonly #reset: () => void;
  readonly #count: (bytes: number) => boolean;
  /** True if the reader has room. Otherwise data stays in the streams, whose window bounds it. */
  #wanted = false;

  /**
   * @param reset Ends the inner side at once. Called if this stream is destroyed before both directions have ended.
   * @param count Called with the number of bytes that pass in either direction. If it returns false, the limit is
   * reached and the connection ends.
   */
  constructor(streams: CommandStreams, reset: () => void, count: (bytes: number) => boolean = () => true) {
    super({ allowHalfOpen: true });
    this.#streams = streams;
    this.#reset = reset;
    this.#count = count;
    // The connection may break before the caller adds a listener. An unhandled 'error' event would end the process.
    this.on('error', () => {});
    streams.stdout.on('readable', () => this.#pass());
    streams.stdout.on('end', () => this.push(null));
    streams.stdin!.on('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#wanted = true;
    this.#pass();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#count(chunk.length)) this.#streams.stdin!.write(chunk, done);
    else this.destroy();
  }

  override _final(done: () => void): void {
    this.#streams.stdin!.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    // Sent data may still be on its way to a slow reader, which then ends the connection by itself.
    if (error || !this.readableEnded || !this.writableFinished) this.#reset();
    this.#streams.stdout.destroy();
    this.#streams.stdin!.destroy();
    done(error);
  }

  #pass(): void {
    while (this.#wanted) {
      const chunk: Buffer | null = this.#streams.stdout.read();
      if (chunk === null) return;
      if (!this.#count(chunk.length)) return void this.destroy();
      this.#wanted = this.push(chunk);
    }
  }
}
