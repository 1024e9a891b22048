/** Answers of the server: types of `wire/`. */
import type { KeptReceipt, SandboxDocument } from '../../wire/sandboxes.js';
import type { TaskEnd } from '../../wire/tasks.js';

export type { CommandResult } from '../../command/outcome.js';
export type { FileInfo } from '../../files/sandbox-files.js';
export type { CommandDocument, PastCommand, StartRequest } from '../../wire/commands.js';
export type { ErrorDocument } from '../../wire/errors.js';
export type { ServerEvent } from '../../wire/events.js';
export type { ChannelName as Channel } from '../../wire/fields.js';
export type { EventsAnswer, ExecAnswer } from '../../wire/messages.js';
export type { PreviewDocument } from '../../wire/ports.js';
export type { ImageDocument } from '../../wire/sandboxes.js';
export type { PendingApproval, TaskDocument, TaskStreamEvent } from '../../wire/tasks.js';
export type { SandboxDocument, TaskEnd };
/** A receipt: from the list, or as the answer to the end of one sandbox. */
export type ReceiptView = Omit<KeptReceipt, 'at'> & { at?: number };
export type TaskResult = Extract<TaskEnd, { result: unknown }>['result'];
