import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { stripControlSequences } from '../../base/harmless-text.js';
import type { SshTarget } from './engine-url.js';

const MAX_MESSAGE_BYTES = 4096;
const KILL_AFTER_MS = 2000;

/** Wraps stdin and stdout of one ssh process as a stream with the socket methods that `node:http` needs. */
export class SshStream extends Duplex {
  private readonly child: ChildProcess;
  private message = '';
  private answered = false;

  constructor(target: SshTarget) {
    super({ allowHalfOpen: true });
    // Run ssh in its own session, as the docker CLI does: Ctrl+C must not end it, because the engine is needed for the
    // cleanup.
    this.child = spawn('ssh', sshArguments(target), { stdio: 'pipe', detached: true, windowsHide: true });
    this.child.on('error', (error) => this.destroy(connectionError(`Cannot run ssh: ${error.message}`, error)));
    const { stdin, stdout, stderr } = this.child;
    // If no descriptors are available, the process and its streams do not exist.
    if (!stdin || !stdout || !stderr) return;
    stdout.on('data', (chunk: Buffer) => {
      this.answered = true;
      if (!this.push(chunk)) stdout.pause();
    });
    // If stdout ends without an answer, the connection failed. The message of ssh is complete when ssh has exited.
    stdout.on('end', () => {
      if (this.answered) this.push(null);
    });
    stderr.on('data', (chunk: Buffer) => {
      this.message = (this.message + chunk.toString('utf8')).slice(-MAX_MESSAGE_BYTES);
    });
    // Ignore a broken pipe: the process has ended, and its exit is reported with its message.
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

  /** An idle connection must not keep this process alive; a busy one must. */
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

/** Creates an error with the code of a failed connection, because the request cannot have had an effect. */
function connectionError(message: string, cause?: unknown): Error {
  return Object.assign(new Error(message, { cause }), { code: 'EHOSTUNREACH' });
}

function sshArguments({ user, host, port, socketPath }: SshTarget): string[] {
  const docker = socketPath === undefined ? 'docker' : `docker --host ${quoted(`unix://${socketPath}`)}`;
  return [
    '-T',
    // BatchMode keeps ssh from waiting for a password.
    ...['-o', 'BatchMode=yes', '-o', 'ConnectTimeout=30'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', port]),
    '--',
    host,
    `${docker} system dial-stdio`,
  ];
}

/** Quotes text for the remote shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
