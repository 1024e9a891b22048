/**
 * Text from a sandbox as it may be shown: nothing in it moves, hides or reorders what stands beside it. What a terminal
 * would act on, and what reverses or hides characters, is shown as a visible sign instead.
 */
import { markLayout, markUnsafe } from '../../base/harmless-text.js';

// Complete colour changes, which many programs print and which mean nothing here.
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is where they are taken out
const COLOUR = /\x1b\[[0-9;:]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const UNFINISHED = /(?:\r|\x1b(?:\[[0-9;:]{0,32})?|[\ud800-\udbff])$/;

/** One line: a name, a path, a command, a message. Tabs and newlines are shown as signs too. */
export function safeLine(text: unknown, maxLength = 2000): string {
  const line = String(text ?? '');
  const cut = line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
  return markUnsafe(markLayout(cut));
}

/** Text of several lines. A carriage return begins a new one, so that nothing is written over. */
export function safeText(text: string): string {
  return markUnsafe(text.replace(COLOUR, '').replace(/\r\n?/g, '\n'));
}

/** The same for text that comes in pieces: a sequence that is cut by the end of one waits for the next. */
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
