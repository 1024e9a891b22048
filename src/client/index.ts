/// <reference types="node" preserve="true" />

export {
  EngineLostError,
  type ErrorCode,
  FileError,
  InvalidOptionsError,
  RipcordError,
  SandboxLostError,
  TaskAbortedError,
} from '../base/errors.js';
export type { ExecResult } from '../command/outcome.js';
export type { AnyCommand, AnyFiles, AnyPipedCommand, AnyPorts, AnySandbox } from '../sandbox/any-sandbox.js';
export type { TaskDocument, TaskEnd } from '../wire/tasks.js';
export { RipcordClient } from './client.js';
export type { ClientOptions, RemoteCreateOptions, RemoteLimits } from './options.js';
export type { RemoteCommands } from './remote-commands.js';
export type { RemotePreview, RemoteSandbox } from './remote-sandbox.js';
export type { RemoteTasks, TaskEvent } from './remote-tasks.js';
