/**
 * A Docker engine of a test's own, to be killed: with its own directories, socket and containerd, and without a bridge,
 * so that the engine of the other tests is not affected.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EngineApi } from './engine-api.js';
import { isRunning, signalTo } from './processes.js';

const DOCKERD = ['/usr/bin/dockerd', '/usr/sbin/dockerd', '/usr/local/bin/dockerd'].find((path) => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
});

/** Whether this machine and this user can run one. */
export const canRunPrivateEngine = process.platform === 'linux' && process.getuid?.() === 0 && DOCKERD !== undefined;

const READY_MS = 60_000;
const STOP_MS = 30_000;

/** Turns the new network's loopback on, by the usual program or by the system call, and becomes the engine. */
const WITH_LOOPBACK = `
ip link set lo up 2> /dev/null ||
  perl -e 'socket(S, 2, 2, 0); ioctl(S, 0x8914, pack("a16 s x22", "lo", 0x41)) or die "SIOCSIFFLAGS: $!"'
exec "$0" "$@"`;

/** Waits for the end of its stdin, then ends the engine of a directory and removes the directory. */
const GUARDIAN = `
trap '' INT TERM HUP
cat > /dev/null
pid=$(cat "$1/docker.pid") && kill "$pid"
i=0; while [ -e "/proc/$pid/exe" ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i+1)); done
grep -o " $1/[^ ]*" /proc/self/mounts | sort -r | xargs -r umount -l
rm -rf "$1"`;

export class PrivateEngine {
  readonly directory = mkdtempSync(join(tmpdir(), 'rc-engine-'));
  readonly api = new EngineApi(join(this.directory, 'docker.sock'));
  readonly endpoint = `unix://${this.api.socketPath}`;
  readonly #guardian: ChildProcess;
  #process: ChildProcess | undefined;

  /** @param config what would stand in its daemon.json */
  constructor(config: object = {}) {
    // Its own in any case: the machine's may name what a flag here names, too.
    writeFileSync(join(this.directory, 'daemon.json'), JSON.stringify(config));
    // A run of tests that is killed takes nothing down with it by itself.
    this.#guardian = spawn('sh', ['-c', GUARDIAN, 'guardian', this.directory], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#guardian.unref();
    (this.#guardian.stdin as Socket).unref();
  }

  /** The daemon's own. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  static async start(config?: object): Promise<PrivateEngine> {
    const engine = new PrivateEngine(config);
    try {
      await engine.start();
      return engine;
    } catch (error) {
      await engine.destroy();
      throw error;
    }
  }

  async start(): Promise<void> {
    this.#forgetTheDead();
    const namespace = basename(this.directory);
    const log = openSync(join(this.directory, 'dockerd.log'), 'a');
    const child = spawn(
      // In a network of its own: an engine without a bridge deletes the docker0 it finds, which is another engine's.
      'unshare',
      [
        '--net',
        'sh',
        '-c',
        WITH_LOOPBACK,
        DOCKERD!,
        `--config-file=${this.directory}/daemon.json`,
        `--data-root=${this.directory}/data`,
        `--exec-root=${this.directory}/exec`,
        `--pidfile=${this.directory}/docker.pid`,
        `-H=${this.endpoint}`,
        '--bridge=none',
        '--iptables=false',
        '--ip6tables=false',
        // If the system runs a shared containerd, dockerd uses it: the namespace keeps other containers apart.
        `--containerd-namespace=${namespace}`,
        `--containerd-plugins-namespace=${namespace}-plugins`,
      ],
      { cwd: '/', detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.#process = child;
    const deadline = Date.now() + READY_MS;
    while (!(await this.api.answers())) {
      if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
        throw new Error(`the private engine does not start:\n${this.#logTail()}`);
      }
      await sleep(50);
    }
  }

  /** Sends it a signal and waits for its end; what ran under it is left to its fate. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit', { signal: AbortSignal.timeout(STOP_MS) });
    child.kill(signal);
    await exit;
  }

  /** Copies images over from another engine; what they share is copied once. */
  async load(images: string[], from = new EngineApi()): Promise<void> {
    const names = images.map((image) => `names=${encodeURIComponent(image)}`).join('&');
    const archive = await from.open('GET', `/images/get?${names}`);
    if (archive.statusCode !== 200) throw new Error(`no images ${images} to copy: ${archive.statusCode}`);
    const { status, text } = await this.api.ask('POST', '/images/load?quiet=1', archive);
    if (status !== 200 || text.includes('"error"')) throw new Error(`loading ${images}: ${status} ${text}`);
  }

  /** Ends it and everything that ran under it, and removes its directories. */
  async destroy(): Promise<void> {
    await this.stop('SIGTERM').catch(() => this.stop('SIGKILL'));
    // An engine that was killed leaves shims behind, which name its directory.
    for (const pid of this.#processes()) signalTo(pid, 'SIGKILL');
    const deadline = Date.now() + 5000;
    while (this.#processes().length > 0 && Date.now() < deadline) await sleep(20);
    for (const mount of this.#mounts()) await once(spawn('umount', ['-l', mount], { stdio: 'ignore' }), 'exit');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 3 });
    this.#guardian.kill('SIGKILL');
  }

  /** Removes the pid files of zombies: on a machine whose init does not reap orphans, dockerd takes a zombie for a live process. */
  #forgetTheDead(): void {
    for (const name of ['docker.pid', 'exec/containerd/containerd.pid']) {
      const path = join(this.directory, name);
      if (existsSync(path) && !isRunning(Number(readFileSync(path, 'utf8')))) rmSync(path);
    }
  }

  #processes(): number[] {
    return readdirSync('/proc')
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isRunning(pid))
      .filter((pid) => {
        try {
          return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`${this.directory}/`);
        } catch {
          return false;
        }
      })
      .filter((pid) => pid !== this.#process?.pid && pid !== this.#guardian.pid);
  }

  /** Deepest first. */
  #mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '')
      .filter((path) => path.startsWith(`${this.directory}/`))
      .sort((a, b) => b.length - a.length);
  }

  #logTail(): string {
    return readFileSync(join(this.directory, 'dockerd.log'), 'utf8').split('\n').slice(-20).join('\n');
  }
}

/** Runs `use` with an engine that is gone afterwards. */
export async function withPrivateEngine(use: (engine: PrivateEngine) => Promise<void>, config?: object): Promise<void> {
  const engine = await PrivateEngine.start(config);
  try {
    await use(engine);
  } finally {
    await engine.destroy();
  }
}
