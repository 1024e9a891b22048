/** Converts values of the caller to text and to JSON of bounded size. */

const MAX_TEXT = 200;

/** Returns a short text for a strategy: the text itself, its `name` or `id`, else its JSON. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, MAX_TEXT);
  if (typeof value === 'object' && value !== null) {
    const { name, id } = value as { name?: unknown; id?: unknown };
    if (typeof name === 'string') return name.slice(0, MAX_TEXT);
    if (typeof id === 'string') return id.slice(0, MAX_TEXT);
  }
  return toJson(value).slice(0, MAX_TEXT);
}

/** Returns JSON for any value. Cycles and bigints become text. JSON above `maxLength` is cut and marked `truncated`. */
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
