/** Messages on the WebSockets, in both directions. Output and input are binary messages. */
import { z } from 'zod';
import { terminalSizeSchema } from '../command/options.js';
import { commandResultSchema, execMessage, runCodeMessage, startMessage, wireResultSchema } from './commands.js';
import { errorSchema } from './errors.js';
import { serverEventSchema } from './events.js';
import { channelSchema, signalSchema, taskParams } from './fields.js';
import { progressFields } from './runs.js';
import { startTaskBody, taskEndSchema, taskEventSchema } from './tasks.js';

const failed = errorSchema.extend({ type: z.literal('error') });
/** Events that came and went before the reader asked for them: their ids. */
const missed = z.object({ type: z.literal('gap'), from: z.number(), to: z.number() });

/** `WS /v1/sandboxes/:id/exec`, from the client. */
export const execMessageSchema = z.discriminatedUnion('type', [
  startMessage,
  /** As `exec`: the result has the output, too. */
  execMessage,
  runCodeMessage,
  z.strictObject({ type: z.literal('stdin'), data: z.base64() }),
  z.strictObject({ type: z.literal('stdin_end') }),
  z.strictObject({ type: z.literal('ack'), channel: channelSchema, bytes: z.number().int().min(1) }),
  terminalSizeSchema.extend({ type: z.literal('resize') }),
  z.strictObject({ type: z.literal('kill'), signal: signalSchema.optional() }),
  /** Aborts the command: the answer is an error `aborted` with the result so far. */
  z.strictObject({ type: z.literal('abort') }),
  /** The command runs on without input; its output is dropped. */
  z.strictObject({ type: z.literal('detach') }),
]);
export type ExecMessage = z.output<typeof execMessageSchema>;
export const execAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('started'), pid: z.number() }),
  z.object({ type: z.literal('stdin_ack'), bytes: z.number() }),
  z.object({ type: z.literal('result'), result: z.union([wireResultSchema, commandResultSchema]) }),
  failed,
]);
export type ExecAnswer = z.output<typeof execAnswerSchema>;

/** `WS /v1/sandboxes/:id/commands/:command/output` */
export const outputAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('gap'), channel: channelSchema, bytes: z.number() }),
  z.object({ type: z.literal('result'), result: commandResultSchema }),
  failed,
]);
export type OutputAnswer = z.output<typeof outputAnswerSchema>;

/** `WS /v1/sandboxes/:id/tunnel/:port`, before the bytes of the connection. */
export const tunnelAnswerSchema = z.discriminatedUnion('type', [z.object({ type: z.literal('connected') }), failed]);
export type TunnelAnswer = z.output<typeof tunnelAnswerSchema>;

/** `WS /ws/tasks`, from the client. */
export const taskMessageSchema = z.discriminatedUnion('type', [
  startTaskBody.extend({ type: z.literal('start'), detached: z.boolean().default(false) }),
  z.strictObject({
    type: z.literal('attach'),
    id: taskParams.shape.id,
    lastEventId: z.number().int().min(0).default(0),
    /** False: this socket is its owner from now on, and closing it aborts the task. */
    detached: z.boolean().default(true),
  }),
  z.strictObject({ type: z.literal('abort'), reason: z.string().max(1000).optional() }),
  /** The task goes on when the socket is closed. */
  z.strictObject({ type: z.literal('detach') }),
]);
export const taskAnswerSchema = z.union([
  z.object({ type: z.literal('started'), id: z.string() }),
  z.object({ type: z.literal('attached'), id: z.string(), state: progressFields.state }),
  z.object({ status: z.literal('abort_requested'), id: z.string() }),
  z.object({ status: z.literal('detached') }),
  missed,
  z.object({ type: z.literal('event'), id: z.number(), event: taskEventSchema }),
  taskEndSchema,
  failed,
]);
export type TaskAnswer = z.output<typeof taskAnswerSchema>;

/** `WS /v1/events` */
export const eventsAnswerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('hello'), lastEventId: z.number() }),
  missed,
  z.object({ type: z.literal('event'), id: z.number(), event: serverEventSchema }),
]);
export type EventsAnswer = z.output<typeof eventsAnswerSchema>;
