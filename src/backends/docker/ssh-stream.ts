import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { stripControlSequences } from '../../base/harmless-text.js';
import type { SshTarget } from './engine-url.js';

const MAX_MESSAGE_BYTES = 4096;
const KILL_AFTER_MS = 2000;

/** The stdin and stdout of one ssh process as a stream, with what `node:http` expects of a socket. */
export class SshStream extends Duplex {
  private readonly child: ChildProcess;
  private message = '';
  private answered = false;

  constructor(target: SshTarget) {
    super({ allowHalfOpen: true });
    // A session of its own: Ctrl+C is for us, and the engine is needed to clean up after it. (The docker CLI does so.)
    this.child = spawn('ssh', sshArguments(target), { stdio: 'pipe', detached: true, windowsHide: true });
    this.child.on('error', (error) => this.destroy(connectionError(`Cannot run ssh: ${error.message}`, error)));
    const { stdin, stdout, stderr } = this.child;
    // Without descriptors to be had there is no process, and none of them.
    if (!stdin || !stdout || !stderr) return;
    stdout.on('data', (chunk: Buffer) => {
      this.answered = true;
      if (!this.push(chunk)) stdout.pause();
    });
    // Without an answer the end is a failure, and what ssh says about it comes when it has exited.
    stdout.on('end', () => {
      if (this.answered) this.push(null);
    });
    stderr.on('data', (chunk: Buffer) => {
      this.message = (this.message + chunk.toString('utf8')).slice(-MAX_MESSAGE_BYTES);
    });
    // A broken pipe is the process having ended, which is reported with its own words.
    stdin.on('error', () => {});
    this.child.on('close', (code) => this.onClose(code));
  }

  override _read(): void {
    this.child.stdout?.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.child.stdin?.write(chunk, callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.child.stdin?.end(callback);
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    const { child } = this;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      const force = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
      child.once('exit', () => clearTimeout(force));
    }
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    callback(error);
  }

  /** Kept open without use it does not keep the process alive; in use it does. */
  unref(): this {
    for (const handle of this.handles()) handle?.unref?.();
    return this;
  }

  ref(): this {
    for (const handle of this.handles()) handle?.ref?.();
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setTimeout(): this {
    return this;
  }

  private handles(): Array<{ ref?(): unknown; unref?(): unknown } | null> {
    const { stdin, stdout, stderr } = this.child;
    return [this.child, stdin, stdout, stderr] as ReturnType<typeof this.handles>;
  }

  private onClose(code: number | null): void {
    if (this.destroyed) return;
    if (code === 0 || this.answered) return void this.destroy();
    const said = stripControlSequences(this.message).trim().split('\n').slice(-3).join(' ');
    this.destroy(connectionError(`ssh ended with ${code}: ${said || 'no message'}`));
  }
}

/** With the code of a connection that was never made: nothing can have had an effect. */
function connectionError(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'EHOSTUNREACH' });
}

function sshArguments({ user, host, port, socketPath }: SshTarget): string[] {
  const docker = socketPath === undefined ? 'docker' : `docker --host ${quoted(`unix://${socketPath}`)}`;
  return [
    '-T',
    // Nobody is there to be asked; without it ssh would wait for a password.
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=30'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    host,
    `${docker} system dial-stdio`,
  ];
}

/** For the remote shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
