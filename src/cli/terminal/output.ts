/** Where a program's output goes: exact bytes into pipes and files, made harmless on a terminal. */
import { showControls } from '../../base/harmless-text.js';

/** What harmless programs use on a terminal: lines, tabs, and progress that returns to the line's start. */
const KEPT = '\n\r\t';

export class ProgramOutput {
  readonly #stream: NodeJS.WriteStream;
  readonly #decoder: InstanceType<typeof TextDecoder> | undefined;
  #atLineStart = true;

  /** @param raw Pass control sequences on to a terminal. */
  constructor(stream: NodeJS.WriteStream, raw: boolean) {
    this.#stream = stream;
    // A sequence may be split over chunks, a character as well: every control character is neutralised by itself.
    this.#decoder = stream.isTTY && !raw ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined;
  }

  /** False when the last line is not complete. */
  get atLineStart(): boolean {
    return this.#atLineStart;
  }

  /** Returns a promise where the reader is slow: the program waits then. */
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
