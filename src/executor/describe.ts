/** Values of the caller's, as text and as JSON of bounded size. */

const MAX_TEXT = 200;

/** A strategy in a few words: its `name` or `id`, the text itself, else its JSON. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (typeof value === 'object' && value !== null) {
    const { name, id } = value as { name?: unknown; id?: unknown };
    if (typeof name === 'string') return name.slice(0, MAX_TEXT);
    if (typeof id === 'string') return id.slice(0, MAX_TEXT);
  }
  return toJson(value).slice(0, MAX_TEXT);
}

/** JSON of anything: what has none (functions, cycles, bigints) becomes text, and too much of it is cut and says so. */
export function toJson(value: unknown, maxLength = Number.POSITIVE_INFINITY): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch {
    json = stringifyLoosely(value);
  }
  if (json === undefined) return 'null';
  if (json.length <= maxLength) return json;
  return JSON.stringify({ truncated: true, length: json.length, head: json.slice(0, Math.floor(maxLength / 2)) });
}

function stringifyLoosely(value: unknown): string | undefined {
  const above: unknown[] = [];
  try {
    return JSON.stringify(value, function (this: unknown, _key, item: unknown) {
      if (typeof item === 'bigint') return `${item}n`;
      if (typeof item !== 'object' || item === null) return item;
      while (above.length > 0 && above.at(-1) !== this) above.pop();
      if (above.includes(item)) return '[circular]';
      above.push(item);
      return item;
    });
  } catch {
    return JSON.stringify(String(value));
  }
}
