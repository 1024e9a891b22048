/** Maximum length of a text to search, because a search must not block the event loop for long. */
const MAX_TEXT = 256 * 1024;
const MAX_COMPARED = 100_000;

/** Range of lines of a text, counted from 1. */
interface Lines {
  first: number;
  last: number;
}

/** Finds the lines of `text` that differ from `piece` in white space alone. */
export function nearMiss(text: string, piece: string): Lines | undefined {
  if (text.length > MAX_TEXT || piece.length > MAX_TEXT) return undefined;
  const wanted = squeezed(piece.trim());
  if (wanted[0] === '') return undefined;
  const lines = squeezed(text);
  let compared = 0;
  for (let at = 0; at + wanted.length <= lines.length; at++) {
    for (let offset = 0; ; offset++) {
      if (offset === wanted.length) return { first: at + 1, last: at + offset };
      if (++compared > MAX_COMPARED) return undefined;
      if (!isLike(lines[at + offset]!, wanted[offset]!, offset === 0, offset === wanted.length - 1)) break;
    }
  }
  return undefined;
}

/** Compares a line. A piece may begin in the middle of its first line, and end in the middle of its last. */
function isLike(line: string, wanted: string, isFirst: boolean, isLast: boolean): boolean {
  if (isFirst && isLast) return line.includes(wanted);
  if (isFirst) return line.endsWith(wanted);
  return isLast ? line.startsWith(wanted) : line === wanted;
}

const squeezed = (text: string): string[] => text.split('\n').map((line) => line.trim().replace(/\s+/g, ' '));
