/// <reference types="node" preserve="true" />
export type { AgentCapabilities, SandboxStats } from './agent/messages.js';
export type { EngineFacts } from './backends/backend.js';
export type { DockerOption, EngineOptions } from './backends/options.js';
export {
  type CommitErrorCode,
  EngineLostError,
  type ErrorCode,
  FileError,
  type FileErrorCode,
  InvalidOptionsError,
  RipcordError,
  SandboxLostError,
  TaskAbortedError,
} from './base/errors.js';
export type { Logger } from './base/logger.js';
export { isClean, type Receipt, type SandboxReceipt } from './cleanup/receipt.js';
export type { KeptItem, SweepReport } from './cleanup/sweep.js';
export type { CommandHandle, PipedCommand } from './command/command-handle.js';
export type { Language, LanguageName } from './command/language-names.js';
export type {
  CommandOptions,
  ExecOptions,
  PipedSpawnOptions,
  RunCodeOptions,
  SpawnOptions,
  StdinSource,
  TerminalSize,
} from './command/options.js';
export type { CommandResult, ExecResult, Outcome, SpawnFailure } from './command/outcome.js';
export {
  type ApplyCommitOptions,
  applyCommit,
  type CommitChange,
  CommitConflictError,
  CommitError,
  CommitFlaggedError,
  type CommitOptions,
  CommitPlan,
  type CommitReceipt,
  CommitRefusedError,
  type CommitSources,
  type CommitState,
  type Conflict,
  type Displaced,
  type Flagged,
  type FlagRule,
  type JournalEntry,
  type PrepareCommitOptions,
  prepareCommit,
  type RecoverOptions,
  type Recovery,
  readCommits,
  recoverCommit,
  type Snapshot,
  type UnifiedDiffOptions,
} from './commit/index.js';
export type { InjectOptions, NetworkOptions } from './egress/options.js';
export type { DenialReason } from './egress/policy.js';
export type { EgressRecord } from './egress/proxy.js';
export type { SandboxEgress } from './egress/sandbox-egress.js';
export type {
  Approval,
  ApprovalRequest,
  Approve,
  Commit,
  CommitIssue,
  CommitReport,
  CommitRequest,
  CommitStatus,
  Committed,
  PreparedCommit,
} from './executor/commit/commit-types.js';
export type { CommitRules } from './executor/commit/default-commit.js';
export type { DroppedEvent, LogLevel, Phase, RunEvent, RunEventBody } from './executor/events.js';
export { type RecordedError, ResultError, TimeLimitError } from './executor/executor-error.js';
export type { KeptBranch, MergeConflict } from './executor/files/base-workspace.js';
export { IterationExecutor } from './executor/iteration-executor.js';
export { type Lesson, Memory, type MemoryState } from './executor/memory.js';
export type {
  BranchSandboxOptions,
  ExecutorOptions,
  ExecutorSettings,
  ResultSchemas,
  RunOptions,
  RunTimeouts,
  SandboxRequest,
} from './executor/options.js';
export { type RecordedRun, readRun } from './executor/record/read-run.js';
export type { OutputMode } from './executor/sandbox/output-tap.js';
export type { EventStream, StreamedEvent } from './executor/task/event-stream.js';
export type { AbortOptions, ControllerOptions, StartOptions } from './executor/task/options.js';
export { type AbortAnswer, TaskController, type TaskHandle } from './executor/task/task-controller.js';
export type { BranchProgress, TaskStatus } from './executor/task/task-status.js';
export type {
  AbortReport,
  Attempt,
  BranchReport,
  BranchStatus,
  DecideContext,
  Decision,
  External,
  ExternalOptions,
  IterationReport,
  Log,
  LoopFunctions,
  NamedStrategy,
  ProposeContext,
  RefineContext,
  RememberContext,
  ResumeState,
  RunResult,
  RunStatus,
  StepContext,
  StrategizeContext,
  VerificationLike,
  VerifyContext,
} from './executor/types.js';
export type {
  ArchiveOptions,
  DiffOptions,
  DownloadOptions,
  FileOptions,
  ListOptions,
  MakeDirOptions,
  ReadOptions,
  ReadStreamOptions,
  RemoveOptions,
  RenameOptions,
  StatOptions,
  TreeOptions,
  UploadOptions,
  WriteArchiveOptions,
  WriteOptions,
} from './files/options.js';
export type { FileContent, FileInfo, SandboxFiles } from './files/sandbox-files.js';
export type { UploadReport } from './files/upload.js';
export type { ImageManifest, ImageStatus } from './images/image-status.js';
export type { BoundWorkspace, CopiedWorkspace, CreateOptions, Limits, SeedOptions } from './launch/options.js';
export type { SandboxWarning } from './launch/warnings.js';
export type { PoolEntry, PoolOptions, PoolSettings } from './pool/pool-options.js';
export type { PoolEvent, PoolStats } from './pool/pool-stats.js';
export type { ForwardOptions, PortOptions, WaitForPortOptions } from './ports/options.js';
export type { PortForward, SandboxPorts } from './ports/sandbox-ports.js';
export type { AnyCommand, AnyFiles, AnyPipedCommand, AnyPorts, AnySandbox } from './sandbox/any-sandbox.js';
export type { CommandEvent, EgressEvent, ManagerEvent } from './sandbox/events.js';
export type { ManagerOptions, SweepOptions, UidRange } from './sandbox/options.js';
export type { CommandLine, Sandbox } from './sandbox/sandbox.js';
export { SandboxManager } from './sandbox/sandbox-manager.js';
export type { Extracted } from './transfer/extract.js';
export { runTests } from './verify/run-tests.js';
export type {
  CallsTestOptions,
  CommandTestOptions,
  Expectation,
  IoCase,
  IoTestOptions,
  PytestTestOptions,
  TestOptions,
} from './verify/test-options.js';
export type { Guarantee, TestCase, TestReport } from './verify/test-report.js';
export { DEFAULT_IGNORES, type DefaultIgnore } from './workspace/default-ignores.js';
export type { Change, ChangeType } from './workspace/diff.js';
export type { ChangeList, LeftOut } from './workspace/left-out.js';
export type { SeedReport } from './workspace/seed-report.js';
