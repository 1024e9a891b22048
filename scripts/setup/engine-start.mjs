/** Starts Docker on a machine that has it, waits until it answers, and stops what it started. Root only. */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pingEngine } from './engine-api.mjs';
import { findProgram, systemPath } from './paths.mjs';
import { run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

export const SOCKET = 'unix:///var/run/docker.sock';
const DIRECTORY = '/var/run/ripcord';
const RECORD = path.join(DIRECTORY, 'engine.json');
const LOG = path.join(DIRECTORY, 'dockerd.log');
const ENGINE_PID = '/var/run/docker.pid';
const READY_MS = 60_000;
const POLL_MS = 50;

/** Sandboxes have no network card, so an engine on a kernel without packet filtering still does. */
const WITHOUT_BRIDGE = ['--bridge=none', '--iptables=false', '--ip6tables=false'];

/**
 * @typedef {{ pid: number, started: string, log: string }} EngineRecord
 */

/** Whether a dockerd is installed. */
export function engineInstalled() {
  return findProgram('dockerd') !== undefined;
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} [signal]
 * @returns {Promise<string>} its endpoint
 */
export async function startEngine(progress, signal) {
  await progress.run('Docker engine', async (step) => {
    // Installing the package starts it where a service manager runs.
    if (await answers()) return;
    const running = runningEngine();
    if (running) {
      step.say(`process ${running} is starting`);
      if (await becomesReady(() => isEngine(running), signal)) return;
      throw new SetupError(`dockerd runs (process ${running}) but does not answer on ${SOCKET}.`, {
        hint: 'Its log says why. Stop it, then run this again.',
      });
    }
    if (existsSync('/run/systemd/system')) await startService(signal);
    else await startProcess(signal);
  });
  return SOCKET;
}

/** @returns {Promise<boolean>} */
async function answers() {
  return pingEngine(SOCKET).then(
    () => true,
    () => false,
  );
}

/**
 * @param {() => boolean} alive
 * @param {AbortSignal} [signal]
 */
async function becomesReady(alive, signal) {
  const deadline = Date.now() + READY_MS;
  while (Date.now() < deadline) {
    if (await answers()) return true;
    if (!alive()) return false;
    await sleep(POLL_MS, undefined, { signal });
  }
  return false;
}

/** @param {AbortSignal} [signal] */
async function startService(signal) {
  await run('systemctl', ['start', 'docker'], { signal, hint: '`journalctl -u docker` says why.' });
  if (await becomesReady(() => true, signal)) return;
  throw new SetupError(`The docker service started but does not answer on ${SOCKET}.`, {
    hint: '`journalctl -u docker` says why.',
  });
}

/** @param {AbortSignal} [signal] */
async function startProcess(signal) {
  // A pid file of an engine that is gone keeps dockerd from starting when its number belongs to another process now.
  if (!runningEngine()) rmSync(ENGINE_PID, { force: true });
  if (await launch([], signal)) return;
  const log = logTail();
  if (/iptables|nf_tables|bridge|ip6?_?tables/i.test(log.join('\n')) && (await launch(WITHOUT_BRIDGE, signal))) return;
  throw new SetupError('dockerd did not start. The end of its log:', {
    tail: logTail(),
    hint: `The whole log: ${LOG}. In a container, dockerd needs --privileged.`,
  });
}

/**
 * @param {string[]} args
 * @param {AbortSignal} [signal]
 */
async function launch(args, signal) {
  mkdirSync(DIRECTORY, { recursive: true, mode: 0o755 });
  const log = openSync(LOG, 'w');
  // A session of its own: neither Ctrl+C nor the end of this command reaches it.
  const child = spawn(/** @type {string} */ (findProgram('dockerd')), args, {
    cwd: '/',
    detached: true,
    env: { ...process.env, PATH: systemPath() },
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  child.unref();
  let alive = child.pid !== undefined;
  child.on('error', () => {
    alive = false;
  });
  child.on('exit', () => {
    alive = false;
  });
  // Before it is ready: given up now, it can still be stopped later.
  if (child.pid !== undefined) {
    writeFileSync(RECORD, JSON.stringify({ pid: child.pid, started: startTime(child.pid), log: LOG }));
  }
  if (await becomesReady(() => alive, signal)) return true;
  if (alive) child.kill('SIGTERM');
  rmSync(RECORD, { force: true });
  return false;
}

function logTail() {
  try {
    return readFileSync(LOG, 'utf8').trimEnd().split('\n').slice(-15);
  } catch {
    return [];
  }
}

/** @returns {number | undefined} the process of an engine that runs here */
function runningEngine() {
  try {
    const pid = Number(readFileSync(ENGINE_PID, 'utf8'));
    return isEngine(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isEngine(pid) {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'dockerd';
  } catch {
    return false;
  }
}

// A pid alone may mean another process by now; with its start time it is unique until the next boot.
/** @param {number} pid */
function startTime(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

/** @returns {EngineRecord | undefined} the engine a set-up started, while it runs */
export function ownEngine() {
  try {
    /** @type {EngineRecord} */
    const record = JSON.parse(readFileSync(RECORD, 'utf8'));
    return isEngine(record.pid) && startTime(record.pid) === record.started ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Stops the engine that a set-up started, and never another one. */
export async function stopOwnEngine() {
  const record = ownEngine();
  if (!record) return false;
  process.kill(record.pid, 'SIGTERM');
  const deadline = Date.now() + READY_MS;
  while (isEngine(record.pid)) {
    if (Date.now() > deadline) throw new SetupError(`dockerd (process ${record.pid}) does not end; see ${record.log}.`);
    await sleep(POLL_MS);
  }
  rmSync(RECORD, { force: true });
  return true;
}
