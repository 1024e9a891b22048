/** Keeps outputs that did not fit into an answer for a while, so that the model can read the rest. */
import { OutputBuffer } from '../command/output-buffer.js';

/** The two streams of a finished command, or another long text as `stdout` alone. */
interface ShelvedOutput {
  readonly id: string;
  readonly stdout: OutputBuffer;
  readonly stderr: OutputBuffer;
  /** Next offset to read when the model gives none. */
  readonly cursor: { stdout: number; stderr: number };
}

const MAX_OUTPUTS = 64;
const MAX_BYTES = 32 * 1024 ** 2;

export class OutputShelf {
  readonly #outputs = new Map<string, ShelvedOutput>();
  #made = 0;

  /** Adds an output. Drops the oldest ones to stay within the limits. */
  add(output: Omit<ShelvedOutput, 'id'>): ShelvedOutput {
    const shelved = { id: `o${++this.#made}`, ...output };
    this.#outputs.set(shelved.id, shelved);
    while (this.#outputs.size > MAX_OUTPUTS || (this.#outputs.size > 1 && this.#bytes() > MAX_BYTES)) {
      this.#outputs.delete(this.#outputs.keys().next().value!);
    }
    return shelved;
  }

  get(id: string): ShelvedOutput | undefined {
    return this.#outputs.get(id);
  }

  #bytes(): number {
    return [...this.#outputs.values()].reduce(
      (sum, { stdout, stderr }) => sum + stdout.heldBytes + stderr.heldBytes,
      0,
    );
  }
}

export const noOutput = (): OutputBuffer => new OutputBuffer(0);
