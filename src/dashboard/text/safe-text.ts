/**
 * Text from a sandbox as it may be shown: nothing in it moves, hides or reorders what stands beside it. What a terminal
 * would act on, and what reverses or hides characters, is shown as a visible sign instead.
 */

// Controls but tab and newline, bidi marks and invisible characters, line separators, lone surrogates; then the letters
// that have no shape.
const UNSAFE = /(?![\t\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]|\u034f|\u115f|\u1160|\u17b4|\u17b5|\u3164|\uffa0/gu;
// Complete colour changes, which many programs print and which mean nothing here.
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is where they are taken out
const COLOUR = /\x1b\[[0-9;:]*m/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: likewise
const UNFINISHED = /(?:\r|\x1b(?:\[[0-9;:]{0,32})?|[\ud800-\udbff])$/;

const NAMES: Record<number, string> = {
  0: 'NUL', 7: 'BEL', 8: 'BS', 9: 'TAB', 10: 'LF', 11: 'VT', 12: 'FF', 13: 'CR', 27: 'ESC', 127: 'DEL',
}; // biome-ignore format: a table

const mark = (character: string): string => {
  const code = character.codePointAt(0)!;
  return `⟨${NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`}⟩`;
};

/** One line: a name, a path, a command, a message. Tabs and newlines are shown as signs too. */
export function safeLine(text: unknown, maxLength = 2000): string {
  const line = String(text ?? '');
  const cut = line.length > maxLength ? `${line.slice(0, maxLength)}…` : line;
  return cut.replace(/[\t\n]/g, mark).replace(UNSAFE, mark);
}

/** Text of several lines. A carriage return begins a new one, so that nothing is written over. */
export function safeText(text: string): string {
  return text.replace(COLOUR, '').replace(/\r\n?/g, '\n').replace(UNSAFE, mark);
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
