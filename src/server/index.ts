/// <reference types="node" preserve="true" />
/** `ripcord-sandbox/server`: the server as a library. */
export type { TaskDocument, TaskEnd, TaskReceipt } from '../wire/tasks.js';
export type {
  CallerOptions,
  PatienceOptions,
  ServerOptions,
  SocketListenOptions,
  TcpListenOptions,
  TokenOptions,
} from './options.js';
export type { RegisteredSpec } from './served-tasks.js';
export { type DrainReport, RipcordServer } from './server.js';
