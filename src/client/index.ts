/// <reference types="node" preserve="true" />
export type { ExecResult } from '../command/outcome.js';
export {
  EngineLostError,
  type ErrorCode,
  FileError,
  InvalidOptionsError,
  RipcordError,
  SandboxLostError,
  TaskAbortedError,
} from '../errors.js';
export type { TaskDocument, TaskEnd } from '../server/served-tasks.js';
export type { AnyCommand, AnyFiles, AnyPipedCommand, AnyPorts, AnySandbox } from '../surface.js';
export { RipcordClient } from './client.js';
export type { ClientOptions, RemoteCreateOptions } from './options.js';
export type { RemoteCommands } from './remote-commands.js';
export type { RemotePreview, RemoteSandbox } from './remote-sandbox.js';
export type { RemoteTasks, TaskEvent } from './remote-tasks.js';
