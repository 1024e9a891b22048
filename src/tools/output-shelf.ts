/** Outputs that did not fit into an answer, kept for a while so that the rest can be read. */
import { OutputBuffer } from '../command/output-buffer.js';

/** A finished command's two channels, or another long text as `stdout` alone. */
interface ShelvedOutput {
  readonly id: string;
  readonly stdout: OutputBuffer;
  readonly stderr: OutputBuffer;
  /** Where the next reading begins that names no offset. */
  readonly cursor: { stdout: number; stderr: number };
}

const MAX_OUTPUTS = 64;
const MAX_BYTES = 32 * 1024 ** 2;

export class OutputShelf {
  readonly #outputs = new Map<string, ShelvedOutput>();
  #made = 0;

  /** The oldest make room. */
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
