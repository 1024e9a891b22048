/** The processes of this machine, as /proc tells of them. */
import { readdirSync, readFileSync } from 'node:fs';

export interface HostProcess {
  pid: number;
  state: string;
  command: string;
}

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    // It ended meanwhile, or is a kernel thread.
    return '';
  }
};

/** The kernel's PF_EXITING (include/linux/sched.h): it runs nothing of its program any more. */
const EXITING = 0x4;

/** The states of a process that is over, and of none at all. */
const ENDED = ['', 'Z', 'X'];

/** Whether `pid` runs: not a zombie, and not on its way out inside the kernel. */
export function isRunning(pid: number): boolean {
  const [state = '', , , , , , flags] = statOf(pid);
  return !ENDED.includes(state) && (Number(flags) & EXITING) === 0;
}

/** Whether `pid` is a zombie at most: it has closed everything. */
export const hasEnded = (pid: number): boolean => ENDED.includes(statOf(pid)[0] ?? '');

/** The fields of `/proc/<pid>/stat` from the third, the state, on (man 5 proc). */
function statOf(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat === '' ? [] : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Whether `pid` is stopped by a signal. */
export const isStopped = (pid: number): boolean => statOf(pid)[0] === 'T';

/** When `pid` started, in the kernel's units. */
export const startOf = (pid: number): string => statOf(pid)[19] ?? '';

function living(test: (pid: number) => boolean): HostProcess[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid || !test(pid)) return [];
    // Before the check: an exiting process has no command line any more.
    const command = read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    return isRunning(pid) ? [{ pid, state: statOf(pid)[0] ?? '', command }] : [];
  });
}

/** Returns the processes in these containers, and their shims and runtimes. */
export function processesOfContainers(ids: ReadonlySet<string>): HostProcess[] {
  if (ids.size === 0) return [];
  const ours = new RegExp([...ids].join('|'));
  return living((pid) => ours.test(read(`/proc/${pid}/cgroup`)) || ours.test(read(`/proc/${pid}/cmdline`)));
}

/** Returns the processes started with that TMPDIR: an orchestrator and its watchdogs, which keep that variable. */
export function processesWithTempDir(directory: string): HostProcess[] {
  const entry = `\0TMPDIR=${directory}\0`;
  return living((pid) => `\0${read(`/proc/${pid}/environ`)}\0`.includes(entry));
}

export const isWatchdog = (found: HostProcess): boolean => found.command.includes('watchdog-main');

/** Sends a signal to a process that may be gone by now. */
export function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
