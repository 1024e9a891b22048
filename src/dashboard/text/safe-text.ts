/**
 * Makes text from a sandbox safe to show: it cannot move, hide or reorder the text around it. Control sequences, and
 * characters that reverse or hide text, are replaced by visible signs.
 */
import { markLayout, markUnsafe } from '../../base/harmless-text.js';

// Complete colour changes are removed: many programs print them, and they have no effect here.
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern removes control characters
const COLOUR = /\x1b\[[0-9;:]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const UNFINISHED = /(?:\r|\x1b(?:\[[0-9;:]{0,32})?|[\ud800-\udbff])$/;

/** Makes one line safe: a name, a path, a command or a message. Tabs and newlines also become visible signs. */
export function safeLine(text: unknown, maxLength = 2000): string {
  const line = String(text ?? '');
  const cut = line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
  return markUnsafe(markLayout(cut));
}

/** Makes text of several lines safe. A carriage return begins a new line, so that it cannot overwrite text. */
export function safeText(text: string): string {
  return markUnsafe(text.replace(COLOUR, '').replace(/\r\n?/g, '\n'));
}

/** Makes text that arrives in pieces safe. A sequence that is cut at the end of a piece is held back until the next. */
export class SafeTextStream {
  #held = '';

  push(text: string): string {
    const all = this.#held + text;
    const tail = UNFINISHED.exec(all)?.[0] ?? '';
    this.#held = tail;
    return safeText(tail ? all.slice(0, -tail.length) : all);
  }

  end(): string {
    const rest = safeText(this.#held);
    this.#held = '';
    return rest;
  }
}
