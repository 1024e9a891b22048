/** One set-up at a time in one checkout: a second one waits and then finds everything done. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { inProject } from './paths.mjs';

const LOCK = inProject('dist', '.setup-lock');
const POLL_MS = 250;

/**
 * @template T
 * @param {() => Promise<T>} work
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function withSetupLock(work, progress, signal) {
  mkdirSync(inProject('dist'), { recursive: true });
  if (!take()) {
    await progress.run('waiting for another set-up in this directory', async () => {
      while (!take()) await sleep(POLL_MS, undefined, { signal });
    });
  }
  const release = () => rmSync(LOCK, { force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.removeListener('exit', release);
    release();
  }
}

function take(tries = 1) {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    const holder = readHolder();
    if (holder !== undefined && isAlive(holder)) return false;
    rmSync(LOCK, { force: true });
    return tries > 0 && take(tries - 1);
  }
}

function readHolder() {
  try {
    const pid = Number(readFileSync(LOCK, 'utf8'));
    return pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
