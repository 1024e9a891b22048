/** The compiler refuses a schema that differs from the type it is for: `tsc` holds these lines, not the test. */
import { expect, it } from 'vitest';
import { z } from 'zod';
import { schemaFor } from '../../../src/wire/schema-for.js';

interface Value {
  name: string;
  at: Date;
  kind: 'a' | 'b';
  list: readonly { size: number | undefined }[];
  rest?: unknown;
}
const fields = {
  name: z.string(),
  at: z.string(),
  kind: z.enum(['a', 'b']),
  list: z.array(z.object({ size: z.number().optional() })),
  rest: z.unknown().optional(),
};

it('a schema has every field of its type as JSON has it, and no other', () => {
  const schema: z.ZodType<Value> = schemaFor<Value>()(z.object(fields));
  expect(schema.safeParse({ name: '', at: '', kind: 'a', list: [{}] }).success).toBe(true);
  const { name: _, ...without } = fields;
  // @ts-expect-error A field is missing.
  schemaFor<Value>()(z.object(without));
  // @ts-expect-error A field is too many.
  schemaFor<Value>()(z.object({ ...fields, more: z.string().optional() }));
  // @ts-expect-error A field may be missing that the type always has.
  schemaFor<Value>()(z.object({ ...fields, name: z.string().optional() }));
  // @ts-expect-error A field of a list's items has another type.
  schemaFor<Value>()(z.object({ ...fields, list: z.array(z.object({ size: z.string().optional() })) }));
  // @ts-expect-error A word is missing.
  schemaFor<Value>()(z.object({ ...fields, kind: z.literal('a') }));
  // @ts-expect-error Any text is too many words.
  schemaFor<Value>()(z.object({ ...fields, kind: z.string() }));
});
