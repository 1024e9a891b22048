/** Schemas of values that the library has types for: the compiler holds each schema and its type against each other. */
import type { z } from 'zod';

type MayBeMissing<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];
type Flat<T> = { [K in keyof T]: T[K] };

/** `T` as it comes out of JSON: a field that is undefined is missing, a date is text, nothing is read-only. */
type Json<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? Json<Item>[]
    : T extends object
      ? Flat<
          { -readonly [K in MayBeMissing<T>]?: Json<Exclude<T[K], undefined>> } & {
            -readonly [K in Exclude<keyof T, MayBeMissing<T>>]-?: Json<T[K]>;
          }
        >
      : T;

type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : false;

/**
 * Returns `schema`, typed as a schema of `T`. It compiles only if the schema has every field of `T` with its type, and no other.
 * @example const receiptSchema = schemaFor<SandboxReceipt>()(z.object({ … }))
 */
export const schemaFor =
  <T>() =>
  <S extends z.ZodType>(
    schema: S &
      (Same<Json<T>, Json<z.output<S>>> extends true ? unknown : { type: Json<T>; schema: Json<z.output<S>> }),
  ): z.ZodType<T> =>
    schema as unknown as z.ZodType<T>;
