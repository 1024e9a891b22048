/** Errors as they travel: the same classes on both sides, by their stable code. */
import { z } from 'zod';
import {
  EngineLostError,
  type ErrorCode,
  FileError,
  type FileErrorCode,
  InvalidOptionsError,
  RipcordError,
  SandboxLostError,
  TaskAbortedError,
} from '../base/errors.js';
import type { WireResult } from './commands.js';
import { decodeResult, encodeResult } from './result.js';

export const errorSchema = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      hint: z.string().optional(),
      details: z.record(z.string(), z.unknown()).optional(),
      /** Result so far of a command that was aborted or lost. Output is base64. */
      partial: z.unknown().optional(),
    }),
  })
  .describe('What went wrong. `code` is stable.');
export type ErrorDocument = z.output<typeof errorSchema>;

export function toErrorDocument(error: RipcordError): ErrorDocument {
  const { code, message, hint } = error;
  const details =
    error instanceof FileError ? { ...error.details, path: error.path, errno: error.errno } : error.details;
  const partial = (error as { partial?: object }).partial;
  return {
    error: {
      code,
      message,
      ...(hint !== undefined && { hint }),
      ...(Object.keys(details).length > 0 && { details }),
      ...(partial !== undefined && { partial: encodePartial(partial) }),
    },
  };
}

/** @param text Whether the output of a partial result becomes text again. */
export function fromErrorDocument({ error }: ErrorDocument, text = true): RipcordError {
  const { code, message, hint, details = {} } = error;
  const options = { ...(hint !== undefined && { hint }), details };
  const partial = error.partial === undefined ? undefined : decodePartial(error.partial as object, text);
  const more = partial === undefined ? options : { ...options, partial };
  switch (code) {
    case 'aborted':
      return new TaskAbortedError(message, more);
    case 'invalid-options':
      return new InvalidOptionsError(message, options);
    case 'sandbox-lost':
      return new SandboxLostError(message, more);
    case 'sandbox-closed':
      return new SandboxLostError(message, { ...more, closed: true });
    case 'engine-lost':
      return new EngineLostError(message, more);
    default: {
      const { path, errno } = details;
      if (typeof path === 'string' && typeof errno === 'string') {
        return new FileError(code as FileErrorCode, message, { ...options, path, errno });
      }
      return new RipcordError(code as ErrorCode, message, options);
    }
  }
}

const hasOutput = (value: object): boolean => 'stdout' in value && 'stderr' in value;

const encodePartial = (partial: object): object => (hasOutput(partial) ? encodeResult(partial as never) : partial);

const decodePartial = (partial: object, text: boolean): object =>
  hasOutput(partial) ? decodeResult(partial as WireResult, text) : partial;
