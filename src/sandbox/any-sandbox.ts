/** Interface of a sandbox, in this process or behind a server. Code written against these types works with both. */
import type { Writable } from 'node:stream';
import type { CommandHandle } from '../command/command-handle.js';
import type { PipedSpawnOptions, SpawnOptions } from '../command/options.js';
import type { SandboxFiles } from '../files/sandbox-files.js';
import type { SandboxPorts } from '../ports/sandbox-ports.js';
import type { CommandLine, Sandbox } from './sandbox.js';

/** Return type of `sandbox.spawn()`. */
export interface AnyCommand
  extends Pick<CommandHandle, 'pid' | 'stdin' | 'stdout' | 'stderr' | 'wait' | 'kill' | 'resize' | 'detach'>,
    AsyncDisposable {}

/** Return type of `sandbox.spawn()`, except with `stdin: 'ignore'`. */
export type AnyPipedCommand = AnyCommand & { readonly stdin: Writable };

/** Type of `sandbox.files`. */
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

/** Type of `sandbox.ports`. */
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
  /**
   * Moves the end of the sandbox. In this process it takes effect at once; behind a server, when the promise resolves.
   */
  extend(lifetimeMs: number): void | Promise<void>;
}
