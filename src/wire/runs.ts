/** Runs of the iteration executor: their reports, their result, and their events. */
import { z } from 'zod';
import type { DroppedEvent, RunEvent } from '../executor/events.js';
import type { RunResult, VerificationLike } from '../executor/types.js';
import { channelSchema } from './fields.js';
import { changeSchema } from './files.js';
import { receiptSchema } from './sandboxes.js';
import { schemaFor } from './schema-for.js';

const phase = z.enum([
  'strategize',
  'create',
  'propose',
  'snapshot',
  'verify',
  'refine',
  'decide',
  'approve',
  'commit',
  'remember',
  'base',
]);
const runStatus = z.enum(['accepted', 'exhausted', 'aborted', 'timeout']);
const branchStatus = z.enum(['passed', 'failed', 'error', 'aborted']);
export const issueSchema = z.object({ path: z.string(), reason: z.string() });
const recordedError = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() });

/** Fields of a task's status. */
export const progressFields = {
  id: z.string(),
  state: z.enum(['running', 'aborting', ...runStatus.options, 'failed']),
  startedAt: z.number(),
  endedAt: z.number().optional(),
  iteration: z.number(),
  phase: phase.optional(),
  branches: z.array(
    z.object({
      branch: z.number(),
      strategy: z.string(),
      phase: z.enum(['waiting', ...phase.options, ...branchStatus.options]),
      since: z.number(),
      lastOutput: z.string(),
    }),
  ),
  finalOutput: z.string().optional(),
  error: z.string().optional(),
};

const decision = z.object({
  accept: z.number().optional(),
  reason: z.string().optional(),
  feedback: z.string().optional(),
  keep: z.array(z.number()).optional(),
});
const commitReport = z.object({
  status: z.enum(['committed', 'skipped', 'conflict', 'flagged', 'refused', 'declined']),
  branch: z.number(),
  target: z.string().optional(),
  changes: z.array(changeSchema),
  withSeed: z.literal(true).optional(),
  issues: z.array(issueSchema),
  feedback: z.string().optional(),
  hint: z.string().optional(),
  historyProblem: z.string().optional(),
});

/** A value that a caller's function returned: missing if undefined, because JSON has no undefined. */
const anything = z.unknown().optional();

/** The reports of a branch and of an iteration, whose functions return such verifications. */
function reports<Verification extends z.ZodType>(verification: Verification) {
  const branch = z.object({
    iteration: z.number(),
    branch: z.number(),
    strategy: anything,
    status: branchStatus,
    proposal: anything,
    verification: verification.optional(),
    attempts: z.array(z.object({ proposal: anything, verification: verification.optional() })),
    error: recordedError.optional(),
    changes: z.array(changeSchema).optional(),
    refused: z.array(issueSchema),
    ignored: z.array(z.string()),
    durationMs: z.number(),
  });
  const iteration = z.object({
    iteration: z.number(),
    strategies: z.array(z.unknown()),
    branches: z.array(branch),
    decision: decision.optional(),
    commit: commitReport.optional(),
    conflicts: z.array(z.object({ path: z.string(), kept: z.number(), dropped: z.number(), reason: z.string() })),
    errors: z.array(recordedError),
    complete: z.boolean(),
    durationMs: z.number(),
  });
  return { branch, iteration };
}

/** Fields that every verification has; a caller's own may have more. */
const verification = z.looseObject({
  passed: z.boolean(),
  score: z.number().optional(),
  reason: z.string().optional(),
}) as unknown as z.ZodType<VerificationLike>;
const inResult = reports(verification);

export const runResultSchema = schemaFor<RunResult<unknown, unknown, unknown, VerificationLike>>()(
  z.object({
    run: z.string(),
    status: runStatus,
    finalOutput: z.string(),
    iterations: z.array(inResult.iteration),
    lastIteration: inResult.iteration.optional(),
    winner: inResult.branch.optional(),
    commit: commitReport.optional(),
    state: z.object({
      version: z.literal(1),
      run: z.string(),
      task: anything,
      memory: z.object({
        lessons: z.array(
          z.object({
            iteration: z.number(),
            branch: z.number(),
            strategy: z.string(),
            outcome: z.enum(['passed', 'failed', 'error']),
            reason: z.string(),
          }),
        ),
        notes: z.record(z.string(), z.unknown()),
      }),
      feedback: z.string().optional(),
      nextIteration: z.number(),
      base: z.string().optional(),
    }),
    abort: z.object({ reason: z.string(), settledMs: z.number(), abandoned: z.array(z.string()) }).optional(),
    receipts: z.array(receiptSchema),
    durationMs: z.number(),
  }),
);

const inEvents = reports(anything);
const every = { run: z.string(), seq: z.number(), at: z.number() };
const inIteration = { ...every, iteration: z.number() };
const inBranch = { ...inIteration, branch: z.number() };
/** `branch` is missing where no branch is meant. */
const mayBeInBranch = { ...inIteration, branch: z.number().optional() };
const event = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.object({ type: z.literal(type), ...fields });

export const runEventSchema = schemaFor<RunEvent | DroppedEvent>()(
  z.discriminatedUnion('type', [
    event('run.started', { ...every, task: anything, resumedAt: z.number().optional() }),
    event('iteration.started', inIteration),
    event('phase.changed', { ...mayBeInBranch, phase }),
    event('strategies', { ...inIteration, strategies: z.array(z.unknown()) }),
    event('proposal', { ...inBranch, refinement: z.number(), proposal: anything }),
    event('verification', { ...inBranch, refinement: z.number(), verification: anything }),
    event('branch.ended', { ...inBranch, report: inEvents.branch }),
    event('decision', { ...inIteration, decision }),
    event('commit.requested', { ...inBranch, target: z.string(), changes: z.number() }),
    event('commit.ended', { ...inBranch, commit: commitReport }),
    event('iteration.ended', { ...inIteration, report: inEvents.iteration }),
    event('output', { ...inBranch, channel: channelSchema, text: z.string(), omittedBytes: z.number() }),
    event('log', {
      ...mayBeInBranch,
      level: z.enum(['debug', 'info', 'warn', 'error']),
      message: z.string(),
      fields: (z.looseObject({}) as z.ZodType<object>).optional(),
    }),
    event('external', {
      ...mayBeInBranch,
      name: z.string(),
      attempts: z.number(),
      durationMs: z.number(),
      error: recordedError.optional(),
    }),
    event('error', { ...mayBeInBranch, phase, error: recordedError }),
    event('aborted', { ...inIteration, reason: z.string() }),
    event('completed', { ...every, status: runStatus, finalOutput: z.string() }),
    event('dropped', { run: z.string(), output: z.number(), other: z.number() }),
  ]),
);
