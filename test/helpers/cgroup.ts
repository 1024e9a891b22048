// A cgroup with limits for one test, on v1 and v2.
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = '/sys/fs/cgroup';
const isV2 = existsSync(join(ROOT, 'cgroup.controllers'));

export interface Cgroup {
  /** Files that take a pid into it. */
  procs: string[];
  /** Shell text that moves the shell into it. */
  enter: string;
  /** Waits for its last process to be gone. */
  remove(): Promise<void>;
}

function limited(limits: { memoryBytes?: number; pids?: number }): [directory: string, file: string, value: number][] {
  const name = `ripcord-test-${randomBytes(4).toString('hex')}`;
  const entries: [string, string, number][] = [];
  const directory = (controller: string) => join(ROOT, isV2 ? '' : controller, name);
  if (limits.memoryBytes !== undefined) {
    entries.push([directory('memory'), isV2 ? 'memory.max' : 'memory.limit_in_bytes', limits.memoryBytes]);
  }
  if (limits.pids !== undefined) entries.push([directory('pids'), 'pids.max', limits.pids]);
  return entries;
}

async function removeWhenEmpty(directory: string): Promise<void> {
  const deadline = Date.now() + 5000;
  for (;;) {
    try {
      rmdirSync(directory);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || Date.now() > deadline) throw error;
    }
    await sleep(10);
  }
}

/** Whether this user may make one. */
export const canMakeCgroups = (() => {
  try {
    accessSync(join(ROOT, isV2 ? '' : 'memory'), constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
})();

export function makeCgroup(limits: { memoryBytes?: number; pids?: number }): Cgroup {
  const entries = limited(limits);
  if (isV2) writeFileSync(join(ROOT, 'cgroup.subtree_control'), '+memory +pids');
  for (const [directory, file, value] of entries) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, file), String(value));
  }
  const directories = [...new Set(entries.map(([directory]) => directory))];
  const procs = directories.map((directory) => join(directory, 'cgroup.procs'));
  return {
    procs,
    enter: procs.map((file) => `echo $$ > ${file}`).join(' && '),
    async remove() {
      for (const directory of directories) await removeWhenEmpty(directory);
    },
  };
}
