// Runs the real agent as PID 1 of a new process namespace and speaks the raw protocol with it. The encoder and decoder
// here are written from docs/internals/protocol.md alone: they share no code with src/agent, so that the two check each other.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { chmod, chown } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const SANDBOX_UID = 1000;

/** As in a container: where the agent puts programs given as text is a tmpfs of the namespace's own. */
const PROGRAMS = 'mkdir -p /run/ripcord && mount -t tmpfs -o mode=755,size=64m programs /run/ripcord && exec "$@"';

export const TYPE = {
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
  STATS_REQUEST: 0x0c,
  KILL_ALL: 0x0d,
  DETACH: 0x0e,
  LISTEN: 0x0f,
  RESET: 0x10,
  WARM: 0x11,
  LIMITS: 0x12,
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

export const FLAG = { PTY: 1, STDIN: 2, DETACHED: 4, FS: 8, MERGE: 16, BRIEF: 32, PROGRAM: 64, PATIENT: 128 } as const;
export const OUTCOME = { EXITED: 0, SIGNALED: 1, TIMEOUT: 2, OOM: 3, OUTPUT_LIMIT: 4, SPAWN_FAILED: 5 } as const;
export const EVERYTHING = 0xffff_ffff_ffff_ffffn;
export const STDIN_WINDOW = 1_048_576;

export interface Frame {
  stream: number;
  type: number;
  payload: Buffer;
}

export interface Exit {
  outcome: number;
  stage: number;
  flags: number;
  exitCode: number;
  signal: number;
  errno: number;
  durationUs: number;
  cpuUs: number;
  maxRssBytes: number;
  stdoutBytes: number;
  stderrBytes: number;
  backgroundKilled: number;
  oomKills: number;
  pidsEvents: number;
}

export interface Result extends Exit {
  pid: number | undefined;
  stdout: Buffer;
  stderr: Buffer;
  /** OUTPUT_GAP: bytes left out, and how many bytes of the channel came before. */
  gaps: { channel: number; dropped: number; at: number }[];
  /** OUTPUT_EOF totals by channel. */
  totals: Map<number, number>;
  stdinClosed: boolean;
}

export interface SpawnOptions {
  flags?: number;
  timeoutMs?: number;
  graceMs?: number;
  /** Absent: the request ends without the field, as those of an older host do. */
  drainMs?: number;
  head?: bigint;
  tail?: bigint;
  killAtBytes?: number;
  credit?: number;
  cols?: number;
  rows?: number;
  user?: string;
  cwd?: string;
  env?: string[];
  /** Program given as text (FLAG.PROGRAM). */
  program?: { name: string; text: string | Buffer; at?: number; warm?: boolean };
}

export interface AgentOptions {
  version?: number;
  helloFlags?: number;
  modes?: [path: string, mode: number][];
  leaseMs?: number;
  lifetimeMs?: number;
  user?: string;
  /** Put in front of the agent on its command line, inside the namespace. */
  wrapper?: string[];
  /** Shell text run before the namespace is made, such as entering a cgroup. */
  before?: string;
  hello?: boolean;
}

export const u8 = (value: number) => Buffer.from([value]);
export const u16 = (value: number) => {
  const b = Buffer.alloc(2);
  b.writeUInt16LE(value);
  return b;
};
export const u32 = (value: number) => {
  const b = Buffer.alloc(4);
  b.writeUInt32LE(value >>> 0);
  return b;
};
export const u64 = (value: number | bigint) => {
  const b = Buffer.alloc(8);
  b.writeBigUInt64LE(BigInt(value));
  return b;
};
export const str = (value: string | Buffer) => {
  const bytes = Buffer.from(value as string);
  return Buffer.concat([u32(bytes.length), bytes]);
};

export const encodeFrame = (stream: number, type: number, payload: Buffer = Buffer.alloc(0)) =>
  Buffer.concat([u32(payload.length), u32(stream), u8(type), payload]);

export const encodeHello = (workspace: string, options: AgentOptions = {}) =>
  Buffer.concat([
    u32(0x5049_5231),
    u16(options.version ?? 1),
    u16(options.helloFlags ?? 0),
    u32(options.leaseMs ?? 0),
    u64(options.lifetimeMs ?? 0),
    str(workspace),
    str(options.user ?? `${SANDBOX_UID}:${SANDBOX_UID}`),
    ...(options.modes ?? []).flatMap(([path, mode]) => [str(path), u32(mode)]),
  ]);

export const encodeSpawn = (argv: (string | Buffer)[], o: SpawnOptions = {}) => {
  const head = o.head ?? EVERYTHING;
  const tail = o.tail ?? 0n;
  const credit = o.credit ?? 0x1000_0000;
  const env = o.env ?? ['PATH=/usr/local/bin:/usr/bin:/bin'];
  return Buffer.concat([
    u16(o.flags ?? 0),
    u64(o.timeoutMs ?? 0),
    u32(o.graceMs ?? 0),
    u64(head),
    u64(tail),
    u64(head),
    u64(tail),
    u64(o.killAtBytes ?? 0),
    u32(credit),
    u32(credit),
    u16(o.cols ?? 80),
    u16(o.rows ?? 24),
    str(o.user ?? ''),
    str(o.cwd ?? ''),
    u32(argv.length),
    ...argv.map(str),
    u32(env.length),
    ...env.map(str),
    ...(o.program
      ? [u8(o.program.warm ? 1 : 0), u32(o.program.at ?? 1), str(o.program.name), str(o.program.text)]
      : []),
    ...(o.drainMs === undefined ? [] : [u32(o.drainMs)]),
  ]);
};

export function decodeExit(p: Buffer): Exit {
  const n64 = (at: number) => Number(p.readBigUInt64LE(at));
  return {
    outcome: p.readUInt8(0),
    stage: p.readUInt8(1),
    flags: p.readUInt16LE(2),
    exitCode: p.readInt32LE(4),
    signal: p.readInt32LE(8),
    errno: p.readInt32LE(12),
    durationUs: n64(16),
    cpuUs: n64(24),
    maxRssBytes: n64(32),
    stdoutBytes: n64(40),
    stderrBytes: n64(48),
    backgroundKilled: p.readUInt32LE(56),
    oomKills: p.readUInt32LE(60),
    pidsEvents: p.readUInt32LE(64),
  };
}

const takeStr = (p: Buffer, at: number): [Buffer, number] => {
  const length = p.readUInt32LE(at);
  return [p.subarray(at + 4, at + 4 + length), at + 4 + length];
};

export function decodeReady(p: Buffer) {
  const [build, next] = takeStr(p, 8);
  const [kernel, end] = takeStr(p, next);
  const environment: string[] = [];
  const count = p.readUInt32LE(end);
  for (let i = 0, at = end + 4; i < count && count !== 0xffff_ffff; i++) {
    const [variable, after] = takeStr(p, at);
    environment.push(variable.toString());
    at = after;
  }
  return {
    version: p.readUInt16LE(0),
    caps: p.readUInt16LE(2),
    maxStreams: p.readUInt32LE(4),
    build: build.toString(),
    kernel: kernel.toString(),
    environment: count === 0xffff_ffff ? undefined : environment,
  };
}

export function decodeError(p: Buffer) {
  return { code: p.readUInt16LE(0), message: takeStr(p, 2)[0].toString() };
}

export interface FileRecord {
  kind: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtimeNs: bigint;
  sha256: string;
  path: string;
  link: string;
}

export function decodeRecords(data: Buffer): FileRecord[] {
  const records: FileRecord[] = [];
  for (let at = 0; at < data.length; ) {
    const [path, afterPath] = takeStr(data, at + 61);
    const [link, next] = takeStr(data, afterPath);
    records.push({
      kind: String.fromCharCode(data.readUInt8(at)),
      mode: data.readUInt32LE(at + 1),
      uid: data.readUInt32LE(at + 5),
      gid: data.readUInt32LE(at + 9),
      size: Number(data.readBigUInt64LE(at + 13)),
      mtimeNs: data.readBigInt64LE(at + 21),
      sha256: data.subarray(at + 29, at + 61).toString('hex'),
      path: path.toString(),
      link: link.toString(),
    });
    at = next;
  }
  return records;
}

/** The failure record of a file operation: its errno, 0 when there is none. */
export function failureErrno(result: Result): number {
  if (result.exitCode === 0) return 0;
  if (result.stderr.readUInt32LE(0) !== 0x3145_5346) throw new Error(`not a failure record: ${result.stderr}`);
  return result.stderr.readUInt32LE(4);
}

/** Returns the reason why the agent cannot be tested here, or undefined. */
export function whyNotHere(): string | undefined {
  if (process.platform !== 'linux') return `the agent runs on Linux only, this is ${process.platform}`;
  if (process.getuid?.() !== 0) return 'the agent is PID 1 of a new process namespace: run these tests as root';
  return undefined;
}

/** A number no other process has on its command line: `sleep <this>` can be found from outside. */
export const marker = () => `9${randomBytes(6).readUIntBE(0, 6)}`;

/** Processes anywhere on this machine with the word in their command line: the namespace cannot hide them from here. */
export function processesWith(word: string): number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return [];
    try {
      return readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(word) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

export class AgentProcess {
  readonly workspace: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  stderr = '';
  #child: ChildProcess;
  #buffer: Buffer = Buffer.alloc(0);
  #frames: Frame[] = [];
  #waiting: (() => void)[] = [];
  #ended = false;
  #nextStream = 1;

  private constructor(child: ChildProcess, workspace: string) {
    this.#child = child;
    this.workspace = workspace;
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    child.stdout!.on('data', (chunk: Buffer) => this.#take(chunk));
    child.stdout!.on('end', () => {
      this.#ended = true;
      this.#wake();
    });
    child.stderr!.on('data', (chunk) => {
      this.stderr += chunk;
    });
    // The agent may end while something is still being written to it: its exit tells, not EPIPE.
    child.stdin!.on('error', () => {});
  }

  /** Starts the agent; with `hello: false` without a word. */
  static async start(binary: string, options: AgentOptions = {}): Promise<AgentProcess> {
    const workspace = mkdtempSync(join(tmpdir(), 'ripcord-agent-'));
    await chown(workspace, SANDBOX_UID, SANDBOX_UID);
    await chmod(workspace, 0o755);
    const inside = [...(options.wrapper ?? []), binary];
    const script = `${options.before ?? ':'}; exec unshare --fork --kill-child --pid --mount-proc sh -c '${PROGRAMS}' sh "$@"`;
    const child = spawn('sh', ['-c', script, 'sh', ...inside], { stdio: 'pipe' });
    const agent = new AgentProcess(child, workspace);
    if (options.hello === false) return agent;
    agent.send(0, TYPE.HELLO, encodeHello(workspace, options));
    return agent;
  }

  async awaitReady(): Promise<void> {
    const frame = await this.next();
    if (frame.type === TYPE.READY) return;
    throw new Error(`expected READY, got type ${frame.type} ${frame.payload} ${this.stderr}`);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** The agent's own pid as seen from outside its namespace. */
  get agentPid(): number {
    return Number(readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8').trim().split(' ')[0]);
  }

  get rssKiB(): number {
    const status = readFileSync(`/proc/${this.agentPid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]);
  }

  send(stream: number, type: number, payload?: Buffer): void {
    this.sendRaw(encodeFrame(stream, type, payload));
  }

  sendRaw(bytes: Buffer): void {
    this.#child.stdin!.write(bytes);
  }

  closeStdin(): void {
    this.#child.stdin!.end();
  }

  /** Stops and resumes reading what the agent sends. */
  stall(): void {
    this.#child.stdout!.pause();
  }

  resume(): void {
    this.#child.stdout!.resume();
  }

  /** Resolves to the next frame, of one stream if given; frames of other streams are kept for later calls. */
  async next(stream?: number): Promise<Frame> {
    const frame = await this.nextOrEnd(stream);
    if (frame === undefined) throw new Error(`the agent has gone; stderr: ${this.stderr}`);
    return frame;
  }

  async nextOrEnd(stream?: number): Promise<Frame | undefined> {
    for (;;) {
      const index = this.#frames.findIndex((f) => stream === undefined || f.stream === stream);
      if (index >= 0) return this.#frames.splice(index, 1)[0];
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Everything until the agent closes its end, and how it ended. */
  async rest() {
    const frames: Frame[] = [];
    for (;;) {
      const frame = await this.nextOrEnd();
      if (frame === undefined) break;
      frames.push(frame);
    }
    return { frames, ...(await this.exited) };
  }

  spawn(argv: (string | Buffer)[], options: SpawnOptions = {}): number {
    return this.spawnRaw(encodeSpawn(argv, options));
  }

  spawnRaw(request: Buffer, claimedLength = request.length): number {
    const stream = this.#nextStream;
    this.#nextStream += 2;
    const first = request.subarray(0, 65_000);
    this.send(stream, TYPE.SPAWN, Buffer.concat([u32(claimedLength), first]));
    for (let at = first.length; at < request.length; at += 65_536) {
      this.send(stream, TYPE.SPAWN_MORE, request.subarray(at, at + 65_536));
    }
    return stream;
  }

  credit(stream: number, channel: number, bytes: number): void {
    this.send(stream, TYPE.CREDIT, Buffer.concat([u8(channel), u32(bytes)]));
  }

  kill(stream: number, { signal = 0, graceMs = 0, flags = 0 } = {}): void {
    this.send(stream, TYPE.KILL, Buffer.concat([u32(signal), u32(graceMs), u8(flags)]));
  }

  /** Collects a stream to its EXIT; gives back every byte of credit. `onFrame` sees each frame first. */
  async result(stream: number, onFrame?: (frame: Frame) => void): Promise<Result> {
    const output: Buffer[][] = [[], [], []];
    const bytes = [0, 0, 0];
    const partial: Pick<Result, 'pid' | 'gaps' | 'totals' | 'stdinClosed'> = {
      pid: undefined,
      gaps: [],
      totals: new Map(),
      stdinClosed: false,
    };
    for (;;) {
      const frame = await this.next(stream);
      const { type, payload } = frame;
      onFrame?.(frame);
      if (type === TYPE.STARTED) partial.pid = payload.readUInt32LE(0);
      if (type === TYPE.STDIN_CLOSED) partial.stdinClosed = true;
      if (type === TYPE.OUTPUT_EOF) partial.totals.set(payload.readUInt8(0), Number(payload.readBigUInt64LE(1)));
      if (type === TYPE.STDOUT || type === TYPE.STDERR) {
        const channel = type === TYPE.STDOUT ? 1 : 2;
        output[channel]!.push(payload);
        bytes[channel]! += payload.length;
        if (payload.length > 0) this.credit(stream, channel, payload.length);
      }
      if (type === TYPE.OUTPUT_GAP) {
        const channel = payload.readUInt8(0);
        partial.gaps.push({ channel, dropped: Number(payload.readBigUInt64LE(1)), at: bytes[channel]! });
      }
      if (type === TYPE.EXIT) {
        const [, stdout, stderr] = output.map((chunks) => Buffer.concat(chunks));
        return { ...decodeExit(payload), ...partial, stdout: stdout!, stderr: stderr! };
      }
    }
  }

  run(argv: (string | Buffer)[], options: SpawnOptions = {}): Promise<Result> {
    return this.result(this.spawn(argv, options));
  }

  sh(script: string, options: SpawnOptions = {}): Promise<Result> {
    return this.run(['sh', '-c', script], options);
  }

  /** A file operation, with its data on stdin when there is some, sent within the credit. */
  async fs(operation: string, args: (string | Buffer | number)[], data?: Buffer, user = ''): Promise<Result> {
    const argv = [operation, ...args.map((arg) => (typeof arg === 'number' ? String(arg) : arg))];
    const stream = this.spawn(argv, { flags: FLAG.FS | (data ? FLAG.STDIN : 0), user });
    if (!data) return this.result(stream);
    const feeder = this.feeder(stream, data);
    feeder.pump();
    return this.result(stream, (frame) => feeder.see(frame));
  }

  /** Sends data to a command's stdin, never more than the credit allows. */
  feeder(stream: number, data: Buffer) {
    let at = 0;
    let credit = STDIN_WINDOW;
    let open = true;
    const pump = () => {
      while (open && credit > 0 && at < data.length) {
        const chunk = data.subarray(at, at + Math.min(credit, 65_536));
        this.send(stream, TYPE.STDIN, chunk);
        at += chunk.length;
        credit -= chunk.length;
      }
      if (open && at === data.length) {
        this.send(stream, TYPE.STDIN_EOF);
        open = false;
      }
    };
    const see = (frame: Frame) => {
      if (frame.type === TYPE.STDIN_CLOSED) open = false;
      if (frame.type !== TYPE.STDIN_CREDIT) return;
      credit += frame.payload.readUInt32LE(0);
      pump();
    };
    return { pump, see };
  }

  /** Ends the agent if it is still there, and removes its workspace. */
  async close(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
    rmSync(this.workspace, { recursive: true, force: true, maxRetries: 3 });
  }

  #take(chunk: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk]);
    let at = 0;
    while (this.#buffer.length - at >= 9) {
      const length = this.#buffer.readUInt32LE(at);
      if (length > 65_536) throw new Error(`the agent sent a frame of ${length} bytes`);
      if (this.#buffer.length - at < 9 + length) break;
      this.#frames.push({
        stream: this.#buffer.readUInt32LE(at + 4),
        type: this.#buffer.readUInt8(at + 8),
        payload: this.#buffer.subarray(at + 9, at + 9 + length),
      });
      at += 9 + length;
    }
    this.#buffer = this.#buffer.subarray(at);
    if (at > 0) this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
