/** Tests limits by reaching them. Every test is bounded by itself, in case the limit does not work. */

import { check, type Finding } from '../../backends/finding.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import { PROBE_LIMITS } from '../probe-limits.js';

const UNENFORCED = 'See the limits above: the engine says what it can enforce.';

/** Tries to use twice the memory limit: `tail` buffers a whole line. */
export async function tryMemory(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<Finding> {
  const result = await sandbox.exec('head -c 128m /dev/zero | tail | wc -c', { timeoutMs: 15_000, signal });
  return check('probe.memory', result.oomKilled || result.outcome === 'oom' || result.stdout.trim() !== '134217728', {
    ok: `the memory limit holds (${PROBE_LIMITS.memory}; 128m were refused${result.oomKilled ? ', and counted as out of memory' : ''})`,
    bad: `the memory limit does not hold: 128m were used where ${PROBE_LIMITS.memory} are allowed`,
    fix: UNENFORCED,
  });
}

export async function tryPids(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<Finding> {
  const { pids } = PROBE_LIMITS;
  const script = `i=0; while [ $i -lt ${pids * 2} ]; do sleep 5 & i=$((i+1)); done; echo all`;
  const result = await sandbox.exec(script, { timeoutMs: 10_000, signal });
  return check('probe.pids', result.stdout.trim() !== 'all', {
    ok: `the limit of processes holds (${pids})`,
    bad: `the limit of processes does not hold: ${pids * 2} were started where ${pids} are allowed`,
    fix: UNENFORCED,
  });
}

/** Runs busy loops on as many processors as the machine has. */
export async function tryCpu(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<Finding> {
  const busy = 'for i in 1 2 3 4; do while :; do :; done & done; wait';
  const { usage, durationMs } = await sandbox.exec(busy, { timeoutMs: 600, killGraceMs: 0, signal });
  const used = usage.cpuMs / durationMs;
  return check('probe.cpu', used < PROBE_LIMITS.cpus * 1.5, {
    ok: `the CPU limit holds (${PROBE_LIMITS.cpus}; ${used.toFixed(2)} were used)`,
    bad: `the CPU limit does not hold: ${used.toFixed(2)} CPUs were used where ${PROBE_LIMITS.cpus} are allowed`,
    fix: UNENFORCED,
    otherwise: 'warn',
  });
}

/** Checks that processes that leave their session and ignore SIGTERM end with their command. */
export async function tryTreeKill(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<Finding> {
  const stubborn = `setsid sh -c 'trap "" TERM; exec sleep 4711' & trap "" TERM; sleep 4711`;
  const { outcome } = await sandbox.exec(stubborn, { timeoutMs: 300, killGraceMs: 50, signal });
  const { stdout } = await sandbox.exec('cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "', { signal });
  const alive = /sleep 4711/.test(stdout);
  return check('probe.kill', outcome === 'timeout' && !alive, {
    ok: 'a command that ignores SIGTERM and hides in a session of its own is ended completely',
    bad: alive ? 'a process survived the end of its command' : `a command could not be timed out (${outcome})`,
    fix: 'Report this, with the runtime and kernel of the engine.',
  });
}
