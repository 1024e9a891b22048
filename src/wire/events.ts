/** Events of the server: those of its sandboxes, and those of its tasks. */
import { z } from 'zod';
import type { ManagerEvent } from '../sandbox/events.js';
import { commandResultSchema } from './commands.js';
import { issueSchema } from './runs.js';
import { receiptSchema } from './sandboxes.js';
import { schemaFor } from './schema-for.js';
import { taskEventSchema } from './tasks.js';

const event = <Type extends string, Fields extends z.ZodRawShape>(type: Type, fields: Fields) =>
  z.object({ type: z.literal(type), at: z.number(), ...fields });
const sandbox = { sandbox: z.string() };
const made = { ...sandbox, image: z.string() };
const owner = z.object({
  host: z.string(),
  boot: z.string(),
  namespace: z.string(),
  pid: z.number(),
  started: z.string(),
});
const names = z.array(z.string());

const managerEventSchema = schemaFor<ManagerEvent>()(
  z.discriminatedUnion('type', [
    event('sandbox.creating', made),
    event('sandbox.created', { ...made, pooled: z.boolean(), warm: z.boolean(), durationMs: z.number() }),
    event('sandbox.warning', {
      ...sandbox,
      code: z.enum(['volumes-hidden', 'runs-as-root', 'sockets-unlimited']),
      message: z.string(),
    }),
    event('seed.incomplete', {
      ...sandbox,
      report: z.object({
        files: z.number(),
        directories: z.number(),
        links: z.number(),
        bytes: z.number(),
        refused: z.array(issueSchema),
        refusedCount: z.number(),
      }),
    }),
    event('sandbox.failed', { ...sandbox, error: z.string(), hint: z.string().optional() }),
    event('sandbox.lost', { ...sandbox, reason: z.string() }),
    event('sandbox.closed', { ...sandbox, receipt: receiptSchema }),
    event('swept', {
      report: z.object({
        removed: z.object({ containers: names, volumes: names, images: names, directories: names }),
        kept: z.number(),
        keptItems: z.array(
          z.object({
            kind: z.enum(['container', 'volume', 'image', 'directory']),
            name: z.string(),
            ownerState: z.enum(['alive', 'unknown']),
            owner: owner.optional(),
          }),
        ),
        errors: names,
      }),
    }),
    event('command.started', { ...sandbox, command: z.string(), argv: names }),
    event('command.ended', { ...sandbox, command: z.string(), result: commandResultSchema.optional() }),
    event('egress', {
      ...sandbox,
      record: z.object({
        at: z.number(),
        verdict: z.enum(['allowed', 'denied']),
        kind: z.enum(['connect', 'http']),
        target: z.string(),
        rule: z.string().optional(),
        address: z.string().optional(),
        reason: z
          .enum([
            'malformed',
            'not-allowed',
            'denied',
            'private-address',
            'unresolved',
            'unreachable',
            'tls-name',
            'host-mismatch',
            'loop',
            'byte-limit',
            'credentials',
            'method',
          ])
          .optional(),
        message: z.string().optional(),
      }),
    }),
    event('pool.ready', { ...made, durationMs: z.number() }),
    event('pool.recycled', { ...made, domain: z.string() }),
    event('pool.discarded', { ...made, reason: z.string() }),
    event('pool.failed', { image: z.string(), error: z.string() }),
  ]),
);

/** An event of `WS /v1/events`: the manager's, or one of a task. */
export const serverEventSchema = z.union([
  managerEventSchema,
  z.object({ type: z.literal('task'), task: z.string(), event: taskEventSchema }),
]);
export type ServerEvent = z.output<typeof serverEventSchema>;
