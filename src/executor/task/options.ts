/** Options of {@link TaskController} and of its tasks. */
import { z } from 'zod';
import { MAX_MS, signalSchema } from '../../base/option-fields.js';
import type { ResumeState } from '../types.js';

/** Options of {@link TaskController}. */
export interface ControllerOptions {
  /** Maximum number of sandboxes of all tasks together. If unset, no limit. */
  maxSandboxes?: number | undefined;
  /** Path of the directory for the records of tasks, in a subdirectory named by the id of each. If unset, tasks are not recorded. */
  runsDirectory?: string | undefined;
  /**
   * Maximum number of events that one reader may be behind. Past it the oldest are dropped, output first.
   * @default 1000
   */
  maxBufferedEvents?: number | undefined;
}

/** Options of `controller.start()`. */
export interface StartOptions<Task> {
  /** Id of the task: letters, digits, dot, dash and underscore, at most 64. If unset, that of `resume`, or else a random one. */
  id?: string | undefined;
  /** Signal that aborts the task. */
  signal?: AbortSignal | undefined;
  /** State to continue from: the `state` of an earlier result, or of `readRun()`. */
  resume?: ResumeState<Task> | undefined;
}

/** Options of `controller.abort()` and `task.abort()`. */
export interface AbortOptions {
  /**
   * Time in milliseconds to wait for the end of the task.
   * @default 10_000 (10 s)
   */
  graceMs?: number | undefined;
  /**
   * Message of the TaskAbortedError.
   * @default 'the task was aborted'
   */
  reason?: string | undefined;
}

export const controllerSchema = z.strictObject({
  maxSandboxes: z.number().int().min(1).optional(),
  runsDirectory: z.string().min(1).optional(),
  maxBufferedEvents: z.number().int().min(1).default(1000),
});

export const startSchema = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/, { error: 'expected letters, digits, dot, dash and underscore' })
    .optional(),
  signal: signalSchema.optional(),
  resume: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
});

export const abortSchema = z.strictObject({
  graceMs: z.number().int().min(0).max(MAX_MS).default(10_000),
  reason: z.string().default('the task was aborted'),
});
