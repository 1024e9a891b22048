/** Option fields that several calls share. */
import { z } from 'zod';

const UNITS: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Parses `'512m'`, `'1.5GiB'`, `'64kb'` or a number of bytes. Units are powers of 1024, as in the docker CLI. */
export function parseSize(size: string | number): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?\s*$/i.exec(size);
  if (!match) return undefined;
  const bytes = Math.floor(Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size: bytes as a number, or a string such as `'512m'`. Parsed to bytes. */
export const sizeSchema = z
  .union([z.number(), z.string()])
  .refine((size) => parseSize(size) !== undefined, { error: "expected bytes or a size such as '512m'" })
  .transform((size) => parseSize(size)!);

/** Maximum delay of setTimeout. A larger one overflows and fires at once. */
export const MAX_MS = 2 ** 31 - 1;

export const milliseconds = z.number().int().min(1).max(MAX_MS);

export const signalSchema = z.custom<AbortSignal>((value) => value instanceof AbortSignal, {
  error: 'expected an AbortSignal',
});

export const text = z.string().refine((value) => !value.includes('\0'), { error: 'must not contain a NUL byte' });

export const envSchema = z.record(
  z
    .string()
    .min(1)
    .refine((name) => !/[=\0]/.test(name), { error: "a variable's name must not contain '=' or NUL" }),
  text,
);

/** Maximum user id. The next number, -1, means "no change" to chown(2). */
const MAX_ID = 0xffff_fffe;

const isId = (part: string): boolean => /^\d+$/.test(part) && Number(part) <= MAX_ID;
export const userSchema = z.union([
  z.number().int().min(0).max(MAX_ID).transform(String),
  z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/, {
      error: "expected a uid, a name, or 'user:group'",
    })
    .transform((user) => user.split(':'))
    .refine((parts) => parts.every((part) => !/^\d/.test(part) || isId(part)), {
      error: `a part that begins with a digit must be a number up to ${MAX_ID}`,
    })
    // Normalize numbers, because `00` is root as well.
    .transform((parts) => parts.map((part) => (isId(part) ? String(Number(part)) : part)).join(':')),
]);

export const absolutePath = text.refine((path) => path.startsWith('/'), { error: 'expected an absolute path' });

export const port = z.number().int().min(1).max(65_535);
