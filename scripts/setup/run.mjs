/** Runs a command of the set-up; its output is shown only when it fails. */
import { spawn } from 'node:child_process';
import { SetupError } from './setup-error.mjs';

// Some commands name the cause first and then explain at length, some end with it.
const HEAD_LINES = 6;
const TAIL_LINES = 14;
// How long a command may take to end when it is told to.
const PATIENCE_MS = 10_000;

/**
 * @param {string} command
 * @param {string[]} args
 * @param {object} [options]
 * @param {string} [options.cwd]
 * @param {NodeJS.ProcessEnv} [options.env] added to the environment
 * @param {AbortSignal} [options.signal]
 * @param {(line: string) => void} [options.onLine]
 * @param {string} [options.hint] what to do when it fails
 * @returns {Promise<string>} what it wrote to stdout
 * @throws {SetupError} with the first and the last lines of its output
 */
export function run(command, args, { cwd, env, signal, onLine, hint } = {}) {
  if (signal?.aborted) return Promise.reject(signal.reason);
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32' && !/\.exe$/i.test(command),
  });
  /** @type {NodeJS.Timeout | undefined} */
  let patience;
  const stop = () => {
    child.kill('SIGTERM');
    patience ??= setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
  };
  signal?.addEventListener('abort', stop, { once: true });
  process.once('exit', stop);

  let stdout = '';
  /** @type {string[]} */
  const head = [];
  /** @type {string[]} */
  const tail = [];
  let left = 0;
  const read = (/** @type {string} */ text) => {
    for (const line of text.split(/[\r\n]+/)) {
      if (!line.trim()) continue;
      if (head.length < HEAD_LINES) head.push(line);
      else if (tail.push(line) > TAIL_LINES) left += tail.splice(0, 1).length;
      onLine?.(line);
    }
  };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    stdout += text;
    read(text);
  });
  child.stderr.setEncoding('utf8').on('data', read);

  const excerpt = () => (left > 0 ? [...head, `… ${left} lines more …`, ...tail] : [...head, ...tail]);
  return new Promise((resolve, reject) => {
    const fail = (/** @type {string} */ why, /** @type {unknown} */ cause) =>
      reject(
        signal?.aborted
          ? signal.reason
          : new SetupError(`\`${[command, ...args].join(' ')}\` ${why}`, { hint, tail: excerpt(), cause }),
      );
    child.on('error', (error) => fail(`could not be run: ${error.message}`, error));
    child.on('close', (code, killedBy) => {
      if (code === 0) resolve(stdout);
      else fail(killedBy ? `was ended by ${killedBy}` : `failed with exit code ${code}`, undefined);
    });
  }).finally(() => {
    clearTimeout(patience);
    signal?.removeEventListener('abort', stop);
    process.removeListener('exit', stop);
  });
}
