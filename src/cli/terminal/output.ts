/** Writes a program's output: exact bytes to pipes and files, harmless text to a terminal. */
import { showControls } from '../../base/harmless-text.js';

/** Control characters that a terminal gets: line feed, tab, and the carriage return of progress bars. */
const KEPT = '\n\r\t';

export class ProgramOutput {
  readonly #stream: NodeJS.WriteStream;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  #atLineStart = true;

  /** @param raw True to pass control sequences on to a terminal. */
  constructor(stream: NodeJS.WriteStream, raw: boolean) {
    this.#stream = stream;
    // A sequence or a character may be split over chunks, so every control character is neutralised by itself.
    this.#decoder = stream.isTTY && !raw ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined;
  }

  /** Returns false if the last line is incomplete. */
  get atLineStart(): boolean {
    return this.#atLineStart;
  }

  /** Writes a chunk. Returns a promise if the reader is slow, and the program waits for it (backpressure). */
  readonly write = (chunk: Uint8Array): Promise<void> | undefined => {
    if (chunk.length === 0 || this.#stream.destroyed) return undefined;
    this.#atLineStart = chunk[chunk.length - 1] === 0x0a;
    const data = this.#decoder ? showControls(this.#decoder.decode(chunk, { stream: true }), KEPT) : chunk;
    if (this.#stream.write(data)) return undefined;
    return new Promise((resolve) => {
      const events = ['drain', 'error', 'close'] as const;
      const done = () => {
        for (const event of events) this.#stream.off(event, done);
        resolve();
      };
      for (const event of events) this.#stream.on(event, done);
    });
  };
}
