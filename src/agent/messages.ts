/** The messages of the protocol: frame types, and the payloads with fields. docs/internals/protocol.md is the reference. */
import { RipcordError } from '../base/errors.js';

export const PROTOCOL_VERSION = 1;
const MAGIC = 0x50495231;
/** All bits set in a u64: unlimited, or a value that the agent cannot read. */
const U64_MAX = 0xffff_ffff_ffff_ffffn;
/** Number of stdin bytes that the host may send before the agent grants more. */
export const STDIN_WINDOW = 1_048_576;
/** Maximum size of a spawn request without its program, which has its own limit. The agent accepts 20 MiB in all. */
export const MAX_REQUEST = 4 * 1024 * 1024;

/** Host → agent. */
export const Send = {
  HELLO: 0x01,
  PING: 0x02,
  SPAWN: 0x03,
  SPAWN_MORE: 0x04,
  STDIN: 0x05,
  STDIN_EOF: 0x06,
  CREDIT: 0x07,
  KILL: 0x08,
  RESIZE: 0x09,
  SHUTDOWN: 0x0a,
  LEASE: 0x0b,
  STATS: 0x0c,
  KILL_ALL: 0x0d,
  DETACH: 0x0e,
  LISTEN: 0x0f,
  RESET: 0x10,
  WARM: 0x11,
  LIMITS: 0x12,
} as const;

/** Agent → host. */
export const Receive = {
  READY: 0x81,
  PONG: 0x82,
  STARTED: 0x83,
  STDOUT: 0x84,
  STDERR: 0x85,
  OUTPUT_EOF: 0x86,
  OUTPUT_GAP: 0x87,
  STDIN_CREDIT: 0x88,
  STDIN_CLOSED: 0x89,
  EXIT: 0x8a,
  ERROR: 0x8b,
  STATS: 0x8c,
  BYE: 0x8d,
  LISTENING: 0x8e,
  ACCEPTED: 0x8f,
  RESET_DONE: 0x90,
  WARMED: 0x91,
} as const;

export type Channel = 1 | 2;
export const STDOUT: Channel = 1;
export const STDERR: Channel = 2;

/** Appends fields to a growing buffer. */
class Writer {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  #room(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    if (this.#length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#buffer.length * 2));
      this.#buffer.copy(larger, 0, 0, at);
      this.#buffer = larger;
    }
    return at;
  }
  u8(value: number): this {
    const at = this.#room(1);
    this.#buffer[at] = value;
    return this;
  }
  u16(value: number): this {
    const at = this.#room(2);
    this.#buffer.writeUInt16LE(value, at);
    return this;
  }
  u32(value: number): this {
    const at = this.#room(4);
    this.#buffer.writeUInt32LE(value, at);
    return this;
  }
  i32(value: number): this {
    const at = this.#room(4);
    this.#buffer.writeInt32LE(value, at);
    return this;
  }
  u64(value: number | bigint): this {
    const at = this.#room(8);
    if (typeof value === 'bigint') {
      this.#buffer.writeBigUInt64LE(value, at);
    } else {
      // Write two halves: creating a BigInt would allocate.
      this.#buffer.writeUInt32LE(value % 2 ** 32, at);
      this.#buffer.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
    }
    return this;
  }
  bytes(value: Buffer): this {
    const at = this.#room(value.length);
    value.copy(this.#buffer, at);
    return this;
  }
  str(value: string): this {
    const bytes = Buffer.byteLength(value);
    this.u32(bytes);
    const at = this.#room(bytes);
    this.#buffer.write(value, at);
    return this;
  }
  done(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }
}

/** Reads fields of a payload. Every read is bounds-checked, because the agent is not trusted. */
export class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }
  get isAtEnd(): boolean {
    return this.#at === this.#buffer.length;
  }
  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#buffer.length - at)
      throw new RipcordError('protocol', 'The agent sent a frame that is too short');
    this.#at = at + bytes;
    return at;
  }
  u8(): number {
    const at = this.#take(1);
    return this.#buffer[at]!;
  }
  u16(): number {
    const at = this.#take(2);
    return this.#buffer.readUInt16LE(at);
  }
  u32(): number {
    const at = this.#take(4);
    return this.#buffer.readUInt32LE(at);
  }
  i32(): number {
    const at = this.#take(4);
    return this.#buffer.readInt32LE(at);
  }
  u64(): number {
    const at = this.#take(8);
    return this.#buffer.readUInt32LE(at + 4) * 2 ** 32 + this.#buffer.readUInt32LE(at);
  }
  /** Reads a value that may be missing (all bits set). */
  optionalU64(): number | undefined {
    const at = this.#take(8);
    const value = this.#buffer.readBigUInt64LE(at);
    return value === U64_MAX ? undefined : Number(value);
  }
  optionalU32(): number | undefined {
    const value = this.u32();
    return value === 0xffff_ffff ? undefined : value;
  }
  str(): string {
    const length = this.u32();
    const at = this.#take(length);
    return this.#buffer.toString('utf8', at, at + length);
  }
}

export interface Hello {
  leaseMs: number;
  lifetimeMs: number;
  workspace: string;
  defaultUser: string;
  /** True if RESET may be sent later. The agent then records the initial state. */
  resettable: boolean;
  /**
   * Modes of the sandbox's tmpfs mounts. The agent sets them, because runc takes the mode from the image's directory.
   */
  modes: readonly { path: string; mode: number }[];
}

export function encodeHello(hello: Hello): Buffer {
  const writer = new Writer()
    .u32(MAGIC)
    .u16(PROTOCOL_VERSION)
    .u16(hello.resettable ? 2 : 0)
    .u32(hello.leaseMs)
    .u64(hello.lifetimeMs)
    .str(hello.workspace)
    .str(hello.defaultUser);
  for (const { path, mode } of hello.modes) writer.str(path).u32(mode);
  return writer.done();
}

/** Properties of the kernel that the agent found by trying. */
export interface AgentCapabilities {
  subreaper: boolean;
  /** True if the sandbox user cannot open PID 1's descriptors. */
  descriptorsSafe: boolean;
  /** True if root without capabilities cannot open them either. Otherwise no command may run as uid 0. */
  rootSafe: boolean;
  /** True if the sandbox user cannot signal PID 1. */
  signalsSafe: boolean;
  cgroup: 'v1' | 'v2' | 'none';
  oomCounter: boolean;
  pidsCounter: boolean;
  /** True if the agent can count the sandbox's sockets, which `limits.sockets` requires. */
  socketCounter: boolean;
  openat2: boolean;
  noNewPrivileges: boolean;
  /** A filter of system calls is in force, the engine's or the agent's. */
  seccomp: boolean;
  /** The agent has put its own filter (sandbox-images/seccomp.json) on itself, and so on every process of the sandbox. */
  ownFilter: boolean;
}

export interface Ready {
  version: number;
  capabilities: AgentCapabilities;
  maxStreams: number;
  build: string;
  kernel: string;
  /** Variables that the image gives to every process; `undefined`: they are too large for the agent to report. */
  environment: Record<string, string> | undefined;
}

export function decodeReady(payload: Buffer): Ready {
  const reader = new Reader(payload);
  const version = reader.u16();
  const caps = reader.u16();
  return {
    version,
    capabilities: {
      subreaper: (caps & 1) !== 0,
      descriptorsSafe: (caps & 2) !== 0,
      rootSafe: (caps & 1024) !== 0,
      signalsSafe: (caps & 4) !== 0,
      cgroup: caps & 16 ? 'v2' : caps & 8 ? 'v1' : 'none',
      oomCounter: (caps & 32) !== 0,
      pidsCounter: (caps & 64) !== 0,
      socketCounter: (caps & 2048) !== 0,
      openat2: (caps & 128) !== 0,
      noNewPrivileges: (caps & 256) !== 0,
      seccomp: (caps & 512) !== 0,
      ownFilter: (caps & 4096) !== 0,
    },
    maxStreams: reader.u32(),
    build: reader.str(),
    kernel: reader.str(),
    environment: reader.isAtEnd ? {} : environmentFrom(reader),
  };
}

/** In place of the number of variables. */
const TOO_LARGE = 0xffff_ffff;

function environmentFrom(reader: Reader): Record<string, string> | undefined {
  const count = reader.u32();
  if (count === TOO_LARGE) return undefined;
  const variables: [name: string, value: string][] = [];
  for (let i = 0; i < count; i++) {
    const variable = reader.str();
    const at = variable.indexOf('=');
    // No program can be given a variable without a name.
    if (at > 0) variables.push([variable.slice(0, at), variable.slice(at + 1)]);
  }
  return Object.fromEntries(variables);
}

export const SpawnFlag = {
  PTY: 1,
  STDIN: 2,
  DETACHED: 4,
  FS: 8,
  MERGE: 16,
  BRIEF: 32,
  PROGRAM: 64,
  PATIENT: 128,
} as const;

/**
 * A program given as text. The agent writes it to a file outside the workspace and replaces argument `at` by its path.
 */
export interface Program {
  name: string;
  text: string;
  at: number;
  /** True if a fork of the warm interpreter may run it. */
  warm: boolean;
}

/** The SPAWN request of one command. */
export interface SpawnRequest {
  argv: readonly string[];
  flags: number;
  timeoutMs: number;
  graceMs: number;
  /** Number of output bytes that are sent as they arrive; `undefined` = all. */
  head: number | undefined;
  /** Number of bytes that are kept from the end of the remaining output. */
  tail: number;
  killAtBytes: number;
  credit: number;
  cols: number;
  rows: number;
  user: string;
  cwd: string;
  env: Readonly<Record<string, string>>;
  /** Time that descendants may continue after the leader has ended, in milliseconds. */
  drainMs: number;
  /** A program file that exists as long as the command runs. */
  program?: Program | undefined;
}

const encodedEnvironments = new WeakMap<SpawnRequest['env'], Buffer>();

/** Encodes the environment. The result is cached if it is frozen, because most commands of a sandbox share one. */
function encodedEnvironment(env: SpawnRequest['env']): Buffer {
  const known = encodedEnvironments.get(env);
  if (known) return known;
  const entries = Object.entries(env);
  const writer = new Writer().u32(entries.length);
  for (const [name, value] of entries) writer.str(`${name}=${value}`);
  const encoded = writer.done();
  if (Object.isFrozen(env)) encodedEnvironments.set(env, encoded);
  return encoded;
}

export function encodeSpawn(request: SpawnRequest): Buffer {
  const head = request.head ?? U64_MAX;
  const { program } = request;
  const writer = new Writer()
    .u16(request.flags | (program ? SpawnFlag.PROGRAM : 0))
    .u64(request.timeoutMs)
    .u32(request.graceMs)
    .u64(head)
    .u64(request.tail)
    .u64(head)
    .u64(request.tail)
    .u64(request.killAtBytes)
    .u32(request.credit)
    .u32(request.credit)
    .u16(request.cols)
    .u16(request.rows)
    .str(request.user)
    .str(request.cwd)
    .u32(request.argv.length);
  for (const argument of request.argv) writer.str(argument);
  writer.bytes(encodedEnvironment(request.env));
  if (program)
    writer
      .u8(program.warm ? 1 : 0)
      .u32(program.at)
      .str(program.name)
      .str(program.text);
  writer.u32(request.drainMs);
  return writer.done();
}

export const encodeCredit = (channel: Channel, bytes: number): Buffer => new Writer().u8(channel).u32(bytes).done();
export const encodeKill = (signal: number, graceMs: number, discardOutput: boolean): Buffer =>
  new Writer()
    .i32(signal)
    .u32(graceMs)
    .u8(discardOutput ? 1 : 0)
    .done();
export const encodeResize = (cols: number, rows: number): Buffer => new Writer().u16(cols).u16(rows).done();
export const encodeLease = (leaseMs: number, lifetimeMs: number): Buffer =>
  new Writer().u32(leaseMs).u64(lifetimeMs).done();
export const encodeU32 = (value: number): Buffer => new Writer().u32(value).done();
export const encodeU64 = (value: number | bigint): Buffer => new Writer().u64(value).done();

const OUTCOMES = ['exited', 'signaled', 'timeout', 'oom', 'output-limit', 'spawn-failed'] as const;
const STAGES = ['none', 'request', 'user', 'cwd', 'resources', 'exec', 'pty', 'program'] as const;
export type SpawnStage = (typeof STAGES)[number];

/** The EXIT message: how a command ended. */
export interface Exit {
  outcome: (typeof OUTCOMES)[number];
  stage: SpawnStage;
  stdoutTruncated: boolean;
  stderrTruncated: boolean;
  oomKilled: boolean;
  killedByHost: boolean;
  pidsLimitHit: boolean;
  socketsLimitHit: boolean;
  warm: boolean;
  exitCode: number | null;
  signal: number | null;
  errno: number;
  durationMs: number;
  cpuMs: number;
  maxRssBytes: number;
  stdoutBytes: number;
  stderrBytes: number;
  backgroundKilled: number;
}

export function decodeExit(payload: Buffer): Exit {
  const reader = new Reader(payload);
  const outcome = OUTCOMES[reader.u8()];
  const stage = STAGES[reader.u8()];
  if (!outcome || !stage) throw new RipcordError('protocol', 'The agent reported an unknown outcome');
  const flags = reader.u16();
  const exitCode = reader.i32();
  const signal = reader.i32();
  return {
    outcome,
    stage,
    stdoutTruncated: (flags & 1) !== 0,
    stderrTruncated: (flags & 2) !== 0,
    oomKilled: (flags & 4) !== 0,
    killedByHost: (flags & 8) !== 0,
    pidsLimitHit: (flags & 16) !== 0,
    socketsLimitHit: (flags & 64) !== 0,
    warm: (flags & 32) !== 0,
    exitCode: exitCode < 0 ? null : exitCode,
    signal: signal > 0 ? signal : null,
    errno: reader.i32(),
    durationMs: reader.u64() / 1000,
    cpuMs: reader.u64() / 1000,
    maxRssBytes: reader.u64(),
    stdoutBytes: reader.u64(),
    stderrBytes: reader.u64(),
    backgroundKilled: reader.u32(),
  };
}

/** Live metrics of a sandbox; `undefined` if the kernel does not provide one. */
export interface SandboxStats {
  memoryBytes: number | undefined;
  memoryPeakBytes: number | undefined;
  cpuMs: number | undefined;
  pids: number | undefined;
  oomKills: number | undefined;
  pidsLimitHits: number | undefined;
  commands: number | undefined;
  agentRssBytes: number | undefined;
}

export function decodeStats(payload: Buffer): { token: number; stats: SandboxStats } {
  const reader = new Reader(payload);
  const token = reader.u32();
  const memoryBytes = reader.optionalU64();
  const memoryPeakBytes = reader.optionalU64();
  const cpuUs = reader.optionalU64();
  const stats: SandboxStats = {
    memoryBytes,
    memoryPeakBytes,
    cpuMs: cpuUs === undefined ? undefined : cpuUs / 1000,
    pids: reader.optionalU32(),
    oomKills: reader.optionalU32(),
    pidsLimitHits: reader.optionalU32(),
    commands: reader.optionalU32(),
    agentRssBytes: undefined,
  };
  const rssKiB = reader.optionalU32();
  stats.agentRssBytes = rssKiB === undefined ? undefined : rssKiB * 1024;
  return { token, stats };
}

const BYE_REASONS = ['unknown', 'shutdown', 'stdin-closed', 'lease', 'lifetime', 'protocol', 'sigterm'] as const;
export type ByeReason = (typeof BYE_REASONS)[number];
export const decodeBye = (payload: Buffer): ByeReason => BYE_REASONS[payload[0] ?? 0] ?? 'unknown';

export function encodeListen(port: number, maxConnections: number): Buffer {
  return new Writer().u16(port).u16(maxConnections).done();
}

export function decodeListening(payload: Buffer): { port: number; errno: number } {
  const reader = new Reader(payload);
  return { port: reader.u16(), errno: reader.u32() };
}

/** The result of a reset. `errno` 0: the sandbox is proven to be in its initial state. */
export interface ResetResult {
  errno: number;
  /** The leftover, or the obstacle to the proof. */
  what: string;
}

export function decodeResetDone(payload: Buffer): ResetResult & { token: number } {
  const reader = new Reader(payload);
  return { token: reader.u64(), errno: reader.u32(), what: reader.str() };
}

export function decodeError(payload: Buffer): { code: number; message: string } {
  const reader = new Reader(payload);
  return { code: reader.u16(), message: reader.str() };
}
