/**
 * Compares each public interface of options with the schema that checks it, in both directions: `npm run typecheck` fails when
 * a field exists in one of them only, or differs in its type or in being required. This file has no code that runs.
 */
import type { z } from 'zod';
import type * as docker from '../../src/backends/docker/options.js';
import type * as backends from '../../src/backends/options.js';
import type {
  ClientOptions,
  clientSchema,
  RemoteCreateOptions,
  RemoteLimits,
  remoteCreateSchema,
} from '../../src/client/options.js';
import type * as command from '../../src/command/options.js';
import type * as commit from '../../src/commit/options.js';
import type * as egress from '../../src/egress/options.js';
import type { CommitRules } from '../../src/executor/commit/default-commit.js';
import type * as executor from '../../src/executor/options.js';
import type * as task from '../../src/executor/task/options.js';
import type { LoopFunctions, ResumeState } from '../../src/executor/types.js';
import type * as files from '../../src/files/options.js';
import type * as launch from '../../src/launch/options.js';
import type * as pool from '../../src/pool/pool-options.js';
import type * as ports from '../../src/ports/options.js';
import type * as sandbox from '../../src/sandbox/options.js';
import type * as server from '../../src/server/options.js';
import type * as tools from '../../src/tools/options.js';
import type * as verify from '../../src/verify/test-options.js';
import type { callerLimitsSchema } from '../../src/wire/sandboxes.js';

/** `Interface` with its own and its inherited fields in one plain type. */
type Flat<Interface> = { [Field in keyof Interface]: Interface[Field] };

/** `true` if both types are identical; else a type that shows both. Assignability alone accepts fewer fields. */
type Same<Interface, Checked> =
  (<T>() => T extends Flat<Interface> ? 1 : 2) extends <T>() => T extends Flat<Checked> ? 1 : 2
    ? true
    : { interface: Interface; schema: Checked };

/** Fields of `S` as a caller gives them, except those that a schema cannot describe: `Except` holds their types. */
type Given<S extends z.ZodType, Except = unknown> = Omit<z.input<S>, keyof Except> & Except;

type Callback<Chunk> = ((chunk: Chunk) => unknown) | undefined;
interface Callbacks {
  encoding?: 'utf8' | undefined;
  onStdout?: Callback<string>;
  onStderr?: Callback<string>;
}
type Functions = LoopFunctions<string, string, string, { passed: boolean }>;
type Executor = executor.ExecutorOptions<string, string, string, { passed: boolean }>;

const checked = <_Result extends true>(): void => {};

checked<Same<command.ExecOptions, Given<typeof command.execSchema, Callbacks>>>();
checked<Same<command.SpawnOptions, Given<typeof command.spawnSchema>>>();
checked<Same<command.TerminalSize, Given<typeof command.terminalSizeSchema>>>();
checked<
  Same<
    command.RunCodeOptions,
    Given<typeof command.runCodeSchema, Callbacks & Pick<command.RunCodeOptions, 'language'>>
  >
>();
checked<Same<files.ReadOptions, Given<typeof files.readSchema>>>();
checked<Same<files.ReadStreamOptions, Given<typeof files.readStreamSchema>>>();
checked<Same<files.WriteOptions, Given<typeof files.writeSchema>>>();
checked<Same<files.ListOptions, Given<typeof files.listSchema>>>();
checked<Same<files.StatOptions, Given<typeof files.statSchema>>>();
checked<Same<files.MakeDirOptions, Given<typeof files.makeDirSchema>>>();
checked<Same<files.RemoveOptions, Given<typeof files.removeSchema>>>();
checked<Same<files.RenameOptions, Given<typeof files.renameSchema>>>();
checked<Same<files.UploadOptions, Given<typeof files.uploadSchema>>>();
checked<Same<files.DownloadOptions, Given<typeof files.downloadSchema>>>();
checked<Same<files.ArchiveOptions, Given<typeof files.archiveSchema>>>();
checked<Same<files.WriteArchiveOptions, Given<typeof files.writeArchiveSchema>>>();
checked<Same<files.DiffOptions, Given<typeof files.diffSchema>>>();
checked<Same<ports.PortOptions & { port: number }, Given<typeof ports.portSchema>>>();
checked<Same<ports.WaitForPortOptions & { port: number }, Given<typeof ports.waitForPortSchema>>>();
checked<Same<ports.ForwardOptions & { port: number }, Given<typeof ports.forwardSchema>>>();
checked<Same<egress.NetworkOptions, Given<typeof egress.networkSchema>>>();
checked<Same<egress.InjectOptions, Given<typeof egress.injectSchema>>>();
checked<Same<launch.CreateOptions, Given<typeof launch.createSchema>>>();
checked<Same<launch.Limits, Given<typeof launch.limitsSchema>>>();
checked<Same<launch.SeedOptions, Exclude<z.input<typeof launch.seedSchema>, string>>>();
checked<Same<{ is: launch.CopiedWorkspace | launch.BoundWorkspace }, { is: z.input<typeof launch.workspaceSchema> }>>();
checked<
  Same<sandbox.ManagerOptions, Given<typeof sandbox.managerSchema, Pick<sandbox.ManagerOptions, 'defaults' | 'pool'>>>
>();
checked<Same<sandbox.SweepOptions, Given<typeof sandbox.sweepSchema>>>();
checked<Same<backends.BackendOptions, Given<typeof backends.backendSchema>>>();
checked<Same<docker.EngineOptions, Given<typeof docker.engineSchema>>>();
type FromCreate = Omit<pool.PoolEntry, 'size' | 'network'>;
checked<Same<pool.PoolEntry, Given<typeof pool.poolEntrySchema, FromCreate>>>();
checked<Same<pool.PoolSettings, Given<typeof pool.poolSchema, Pick<pool.PoolSettings, 'keep'>>>>();
checked<Same<commit.PrepareCommitOptions, Given<typeof commit.prepareSchema>>>();
checked<Same<commit.ApplyCommitOptions, Given<typeof commit.applySchema>>>();
checked<Same<commit.CommitOptions, Given<typeof commit.commitSchema>>>();
checked<Same<commit.RecoverOptions, Given<typeof commit.recoverSchema>>>();
checked<Same<commit.UnifiedDiffOptions, Given<typeof commit.unifiedDiffSchema>>>();
type Checked = Pick<Executor, keyof Functions | 'schemas' | 'sandbox' | 'approve' | 'commit'>;
checked<Same<Executor, Given<typeof executor.executorSchema, Checked>>>();
checked<Same<CommitRules, Pick<commit.ApplyCommitOptions, 'allow' | 'allowRules' | 'onRefused'>>>();
checked<Same<executor.RunTimeouts, Given<typeof executor.timeoutsSchema>>>();
checked<
  Same<executor.RunOptions<string>, Given<typeof executor.runSchema, { resume?: ResumeState<string> | undefined }>>
>();
checked<Same<task.ControllerOptions, Given<typeof task.controllerSchema>>>();
checked<
  Same<task.StartOptions<string>, Given<typeof task.startSchema, { resume?: ResumeState<string> | undefined }>>
>();
checked<Same<task.AbortOptions, Given<typeof task.abortSchema>>>();
checked<Same<verify.CallsTestOptions, Given<typeof verify.callsSchema>>>();
checked<Same<verify.PytestTestOptions, Given<typeof verify.pytestSchema>>>();
checked<Same<verify.IoTestOptions, Given<typeof verify.ioSchema>>>();
checked<Same<verify.IoCase, Given<typeof verify.ioCaseSchema>>>();
checked<Same<verify.CommandTestOptions, Given<typeof verify.commandSchema>>>();
checked<Same<{ is: verify.TestOptions }, { is: z.input<typeof verify.testSchema> }>>();
checked<Same<tools.ToolboxOptions, Given<typeof tools.toolboxSchema>>>();
checked<Same<server.ServerOptions, Given<typeof server.serverSchema>>>();
checked<Same<server.TokenOptions, Given<typeof server.tokenSchema>>>();
checked<Same<{ is: server.ServerOptions['listen'] }, { is: z.input<typeof server.listenSchema> }>>();
checked<Same<server.CallerOptions, Given<typeof server.callersSchema>>>();
checked<Same<server.PatienceOptions, Given<typeof server.patienceSchema>>>();
checked<Same<ClientOptions, Given<typeof clientSchema>>>();
checked<Same<RemoteCreateOptions, Given<typeof remoteCreateSchema>>>();
checked<Same<RemoteLimits, Given<typeof callerLimitsSchema>>>();
