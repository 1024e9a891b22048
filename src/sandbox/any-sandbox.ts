/** What a sandbox is to its user, here in this process or behind a server. Write against these types and both fit. */
import type { Writable } from 'node:stream';
import type { CommandHandle } from '../command/command-handle.js';
import type { PipedSpawnOptions, SpawnOptions } from '../command/options.js';
import type { SandboxFiles } from '../files/sandbox-files.js';
import type { SandboxPorts } from '../ports/sandbox-ports.js';
import type { CommandLine, Sandbox } from './sandbox.js';

/** `sandbox.spawn()` */
export interface AnyCommand
  extends Pick<CommandHandle, 'pid' | 'stdin' | 'stdout' | 'stderr' | 'wait' | 'kill' | 'resize' | 'detach'>,
    AsyncDisposable {}

/** `sandbox.spawn()`, but for `stdin: 'ignore'` */
export type AnyPipedCommand = AnyCommand & { readonly stdin: Writable };

/** `sandbox.files` */
export interface AnyFiles
  extends Pick<
    SandboxFiles,
    | 'read'
    | 'readText'
    | 'readStream'
    | 'write'
    | 'list'
    | 'stat'
    | 'exists'
    | 'makeDir'
    | 'remove'
    | 'rename'
    | 'upload'
    | 'download'
    | 'readArchive'
    | 'writeArchive'
    | 'diff'
  > {}

/** `sandbox.ports` */
export interface AnyPorts extends Pick<SandboxPorts, 'connect' | 'waitFor' | 'fetch' | 'forward'> {}

export interface AnySandbox
  extends Pick<
      Sandbox,
      'id' | 'image' | 'labels' | 'createdAt' | 'workspace' | 'closed' | 'exec' | 'runCode' | 'diff' | 'stats' | 'close'
    >,
    AsyncDisposable {
  readonly files: AnyFiles;
  readonly ports: AnyPorts;
  spawn(command: CommandLine, options?: PipedSpawnOptions): Promise<AnyPipedCommand>;
  spawn(command: CommandLine, options?: SpawnOptions): Promise<AnyCommand>;
  /** Takes effect at once in this process, with the answer behind a server. */
  extend(lifetimeMs: number): void | Promise<void>;
}
