/** Selects the part of an options object that its schema checks. */
import type { z } from 'zod';
import { InvalidOptionsError } from './errors.js';

interface Definition {
  type?: string;
  innerType?: z.ZodType;
  in?: z.ZodType;
  element?: z.ZodType;
  valueType?: z.ZodType;
  options?: z.ZodType[];
  shape?: Record<string, z.ZodType>;
}

/**
 * Returns `value` with own properties alone, for the objects that `schema` describes. A property of a prototype is not
 * an option, whether it is inherited or was written to `Object.prototype` by other code of the process. Only an object
 * with such properties is copied; all others are returned unchanged.
 * @throws InvalidOptionsError for the key `__proto__` in a record, which zod drops silently
 */
export function ownOptions(schema: z.ZodType, value: unknown, what: string, at = ''): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { innerType, in: first, element, valueType, options, shape, type } = schema.def as unknown as Definition;
  const inner = innerType ?? first;
  if (inner) return ownOptions(inner, value, what, at);
  if (options) return options.reduce((seen, option) => ownOptions(option, seen, what, at), value as unknown);
  if (Array.isArray(value))
    return element ? value.map((item, i) => ownOptions(element, item, what, `${at}${i}.`)) : value;
  if (!shape && type !== 'record') return value;
  const copy = (): Record<string, unknown> => Object.assign(Object.create(null), value);
  let own = inherits(value, shape) ? copy() : (value as Record<string, unknown>);
  for (const key of Object.keys(value)) {
    if (!shape && key === '__proto__') throw new InvalidOptionsError(`${what}: ${at}${key}: this name cannot be used`);
    const itemSchema = shape ? (Object.hasOwn(shape, key) ? shape[key] : undefined) : valueType;
    const item = own[key];
    const ownItem = itemSchema ? ownOptions(itemSchema, item, what, `${at}${key}.`) : item;
    if (ownItem === item) continue;
    if (own === value) own = copy();
    own[key] = ownItem;
  }
  return own;
}

/** Returns true if `value` inherits properties that a schema with `shape` reads. */
function inherits(value: object, shape: Definition['shape']): boolean {
  for (const key in value) if (!Object.hasOwn(value, key)) return true;
  for (const key in shape) if (key in value && !Object.hasOwn(value, key)) return true;
  return false;
}
