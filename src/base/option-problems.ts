/** Describes the problems that a zod schema finds in options. */
import type { z } from 'zod';
import { closest } from './closest.js';

/**
 * Describes the problem of an option: its path, the expected and the actual value, and a known name close to a misspelt
 * one.
 */
export function describeIssue(
  issue: z.core.$ZodIssue,
  schema: unknown,
  input: unknown,
  above: PropertyKey[] = [],
): string[] {
  const at = [...above, ...issue.path].map(String).join('.');
  const value = issue.path.reduce<unknown>((o, key) => (o as Record<PropertyKey, unknown> | undefined)?.[key], input);
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(shapeOf(chosen(schemaAt(schema, issue.path, input), value)) ?? {});
    return issue.keys.map((key) => {
      const near = known.find((name) => name.toLowerCase() === key.toLowerCase()) ?? closest(key, known);
      const fullName = at ? `${at}.${key}` : key;
      return `unknown option '${fullName}'${near ? `, did you mean '${near}'?` : known.length ? ` (known: ${known.join(', ')})` : ''}`;
    });
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const meant = meantAlternative(issue.errors);
    if (meant !== undefined) {
      const alternative = unwrapped(schemaAt(schema, issue.path, input))?.def?.options?.[meant];
      const path = [...above, ...issue.path];
      return issue.errors[meant]!.flatMap((inner) => describeIssue(inner, alternative, value, path));
    }
    const inner = issue.errors.map((errors) => errors.map((e) => e.message).join(', '));
    return [`${at || 'value'}: ${[...new Set(inner)].join(' or ')}`];
  }
  if (issue.code === 'invalid_key') return [`${at}: ${issue.issues.map(({ message }) => message).join(', ')}`];
  const shown = typeof value === 'string' || typeof value === 'number' ? ` (got ${JSON.stringify(value)})` : '';
  return [`${at || 'value'}: ${issue.message}${shown}`];
}

/**
 * Returns the index of the union alternative with the right type and the fewest inner problems. Undefined if no
 * alternative has that type.
 */
function meantAlternative(alternatives: z.core.$ZodIssue[][]): number | undefined {
  const inside = alternatives.flatMap((issues, index) =>
    issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys') ? [{ index, issues }] : [],
  );
  return inside.sort((one, other) => one.issues.length - other.issues.length)[0]?.index;
}

interface SchemaNode {
  shape?: Record<string, unknown>;
  def?: { innerType?: unknown; element?: unknown; options?: SchemaNode[]; discriminator?: string };
}

/** Returns the schema at `path`. At each union on the way it follows the alternative that matches `input`. */
function schemaAt(schema: unknown, path: PropertyKey[], input: unknown): unknown {
  let at = schema;
  let value = input;
  for (const key of path) {
    at = elementOf(at) ?? shapeOf(chosen(at, value))?.[String(key)];
    value = (value as Record<PropertyKey, unknown> | undefined)?.[key];
  }
  return at;
}

/** Returns the alternative of a union that matches the discriminator, or else shares the most fields with `value`. */
function chosen(schema: unknown, value: unknown): unknown {
  const { discriminator, options } = unwrapped(schema)?.def ?? {};
  if (!options) return schema;
  if (discriminator !== undefined) {
    const given = (value as Record<string, unknown> | null | undefined)?.[discriminator];
    const decides = (option: SchemaNode) => shapeOf(option)?.[discriminator] as z.ZodType | undefined;
    return options.find((option) => decides(option)?.safeParse(given).success);
  }
  const given = Object.keys(Object(value));
  const fits = (option: SchemaNode) => given.filter((name) => name in (shapeOf(option) ?? {})).length;
  return options.filter(shapeOf).sort((one, other) => fits(other) - fits(one))[0];
}

/** Returns the schema inside `.default()`, `.optional()` and similar wrappers. */
function unwrapped(schema: unknown): SchemaNode | undefined {
  let at = schema as SchemaNode | undefined;
  while (at?.def?.innerType) at = at.def.innerType as SchemaNode;
  return at;
}

/** Returns the schema of an array's elements, inside `.default()` and similar wrappers. */
function elementOf(schema: unknown): unknown {
  type Node = { def?: { innerType?: unknown; element?: unknown } };
  for (let at = schema as Node | undefined; at; at = at.def?.innerType as Node | undefined) {
    if (at.def?.element) return at.def.element;
  }
  return undefined;
}

/** Returns the fields of an object schema, inside `.default()`, `.prefault()`, `.optional()` and similar wrappers. */
function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  for (let at = schema as { shape?: Record<string, unknown>; def?: { innerType?: unknown } } | undefined; at; ) {
    if (at.shape) return at.shape;
    at = at.def?.innerType as typeof at;
  }
  return undefined;
}
