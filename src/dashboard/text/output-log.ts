/** Keeps the end of an output to show, in a bounded number of blocks. */
import type { Channel } from '../api/types.js';
import { SafeTextStream } from './safe-text.js';

interface Block {
  id: number;
  channel: Channel;
  text: string;
}

const BLOCK_CHARACTERS = 8 * 1024;
const MAX_BLOCKS = 200;

export class OutputLog {
  /** Blocks of output, oldest first. Only the last one still grows. */
  readonly blocks: Block[] = [];
  /** Number of omitted characters (or bytes that were not decoded) before the first block. */
  omitted = 0;
  #characters = 0;
  #nextId = 1;
  readonly #streams = { stdout: new SafeTextStream(), stderr: new SafeTextStream() };

  constructor(readonly maxCharacters = 128 * 1024) {}

  get isEmpty(): boolean {
    return this.blocks.length === 0 && this.omitted === 0;
  }

  push(channel: Channel, text: string): void {
    // Skip text that would be dropped again at once.
    const cut = text.length > this.maxCharacters ? text.length - this.maxCharacters : 0;
    if (cut > 0) {
      this.clear();
      this.omitted += cut;
    }
    this.#append(channel, this.#streams[channel].push(cut > 0 ? text.slice(cut) : text));
  }

  /** Counts output that was dropped before it reached the log. */
  skip(count: number): void {
    this.omitted += count;
  }

  /** Shows the incomplete sequences that were held back for their rest. */
  end(): void {
    for (const channel of ['stdout', 'stderr'] as const) this.#append(channel, this.#streams[channel].end());
  }

  /** Removes all blocks and counts their characters as omitted. */
  clear(): void {
    this.omitted += this.#characters;
    this.#characters = 0;
    this.blocks.length = 0;
  }

  #append(channel: Channel, text: string): void {
    for (let at = 0; at < text.length; ) {
      let last = this.blocks.at(-1);
      if (!last || last.channel !== channel || last.text.length >= BLOCK_CHARACTERS) {
        last = { id: this.#nextId++, channel, text: '' };
        this.blocks.push(last);
      }
      const piece = text.slice(at, at + BLOCK_CHARACTERS - last.text.length);
      // Create a new object, so that the view renders the change.
      this.blocks[this.blocks.length - 1] = { ...last, text: last.text + piece };
      at += piece.length;
      this.#characters += piece.length;
    }
    while (this.blocks.length > 1 && (this.#characters > this.maxCharacters || this.blocks.length > MAX_BLOCKS)) {
      const { text: dropped } = this.blocks.shift()!;
      this.#characters -= dropped.length;
      this.omitted += dropped.length;
    }
  }
}
