/** Tasks: how one is started and answered, where it is, and how it ended. */
import { z } from 'zod';
import type { TaskStatus } from '../executor/task/task-status.js';
import { taskParams } from './fields.js';
import { changeSchema } from './files.js';
import { issueSchema, progressFields, runEventSchema, runResultSchema } from './runs.js';
import { receiptSchema } from './sandboxes.js';
import { schemaFor } from './schema-for.js';

export const startTaskBody = z.strictObject({
  spec: z.string().min(1),
  /** In place of the spec's own. */
  task: z.unknown().optional(),
  id: taskParams.shape.id.optional(),
});
export const abortTaskBody = z.strictObject({ reason: z.string().max(1000).optional() });
export const approvalBody = z.strictObject({
  approve: z.boolean(),
  /** Patterns of flagged files to write all the same. */
  allow: z.array(z.string()).optional(),
  /** To the next iteration, when it is not approved. */
  reason: z.string().max(10_000).optional(),
});

export const taskSchema = schemaFor<TaskStatus & { spec: string; awaitsApproval: boolean }>()(
  z.object({ ...progressFields, spec: z.string(), awaitsApproval: z.boolean() }),
);
export interface TaskDocument extends TaskStatus {
  spec: string;
  awaitsApproval: boolean;
}

/** Receipt of a task: the receipts of its sandboxes, and whether anything is left. */
const taskReceiptSchema = z.object({
  sandboxes: z.number(),
  /** True if no sandbox left anything behind: see `isClean()`. */
  verifiedAbsent: z.boolean(),
  settledMs: z.number().optional(),
  receipts: z.array(receiptSchema),
});
export type TaskReceipt = z.output<typeof taskReceiptSchema>;

/** The last word of a task. */
export const taskEndSchema = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['completed', 'aborted']), result: runResultSchema, receipt: taskReceiptSchema }),
  z.object({ type: z.literal('failed'), error: z.string() }),
]);
export type TaskEnd = z.output<typeof taskEndSchema>;

/** A commit that waits for an answer. */
export const approvalSchema = z.object({
  iteration: z.number(),
  branch: z.number(),
  target: z.string(),
  changes: z.array(changeSchema),
  withSeed: z.boolean().describe('The target is empty or does not exist: it receives the files of the seed, too'),
  flagged: z.array(issueSchema.extend({ rule: z.string().optional() })),
  diff: z.string(),
});
export type PendingApproval = z.output<typeof approvalSchema>;

const now = { run: z.string(), at: z.number() };
/** Events that the server adds: a commit waits for an answer, and the answer. */
const approvalEvents = [
  z.object({ type: z.literal('approval.requested'), ...now, iteration: z.number(), branch: z.number() }),
  z.object({
    type: z.literal('approval.answered'),
    ...now,
    approval: z.object({
      approve: z.boolean(),
      allow: z.array(z.string()).optional(),
      feedback: z.string().optional(),
    }),
  }),
] as const;
export const taskEventSchema = z.union([runEventSchema, ...approvalEvents]);
export type TaskStreamEvent = z.output<typeof taskEventSchema>;
