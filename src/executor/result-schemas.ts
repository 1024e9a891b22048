/** Schemas of the fields that the loop itself needs in the results of the functions. */
import { z } from 'zod';

export const verificationSchema = z.looseObject({
  passed: z.boolean(),
  score: z.number().optional(),
  reason: z.string().optional(),
});

const branch = z.number().int().min(1);

export const decisionSchema = z.strictObject({
  accept: branch.optional(),
  reason: z.string().optional(),
  feedback: z.string().optional(),
  keep: z.array(branch).optional(),
});

export const strategiesSchema = z.array(z.unknown()).min(1, { error: 'expected at least one strategy' });

export const approvalSchema = z.union([
  z.boolean(),
  z.strictObject({ approve: z.boolean(), allow: z.array(z.string()).optional(), feedback: z.string().optional() }),
]);
