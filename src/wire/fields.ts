/** Fields that several documents of the wire have. */
import type { Readable } from 'node:stream';
import { z } from 'zod';
import { signalNumber } from '../base/linux.js';

const id = (pattern: RegExp, what: string) => z.string().regex(pattern, { error: `expected ${what}` });

/** Id of a sandbox; a number follows if it is not the first task in its container. */
export const SANDBOX_ID = /[0-9a-f]{12}(?:-\d{1,10})?/;
export const sandboxParams = z.strictObject({ id: id(new RegExp(`^${SANDBOX_ID.source}$`), 'the id of a sandbox') });
export const commandParams = sandboxParams.extend({ command: id(/^[0-9a-f]{8}$/, 'the id of a command') });
export const taskParams = z.strictObject({ id: id(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, 'the id of a task') });
export const requestParams = z.strictObject({ id: id(/^[A-Za-z0-9_-]{8,64}$/, 'the id of a request') });

/** A yes or no in a query. */
export const flag = z.enum(['0', '1']).transform((value) => value === '1');

export const channelSchema = z.enum(['stdout', 'stderr']);
export type ChannelName = z.output<typeof channelSchema>;

export const signalSchema = z
  .string()
  .refine((name) => signalNumber(name) !== undefined, { error: "expected the name of a signal, e.g. 'SIGTERM'" });
export const afterQuery = z.strictObject({ lastEventId: z.coerce.number().int().min(0).optional() });
export const abortAnswerSchema = z.object({ status: z.literal('abort_requested') });
/** A body that is a stream of bytes. */
export const bytesSchema = z.string().meta({ format: 'binary' }) as unknown as z.ZodType<Readable | undefined>;
