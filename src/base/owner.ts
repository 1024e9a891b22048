/**
 * The owner of a sandbox: the process that created it. Another process, after a crash or a reboot or at the same time,
 * can tell from it whether the owner is alive. A pid alone is not enough: pids are reused, and a container has its own
 * pids.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  host: string;
  /** Boot id. It changes at every boot; owners of earlier boots are dead. */
  boot: string;
  /** The pid namespace. Pids are valid only inside one. */
  namespace: string;
  pid: number;
  /**
   * Start time of the process, in the kernel's units. It distinguishes the process from a later one with the same pid.
   */
  started: string;
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
};

function bootId(): string {
  // Linux: proc_sys_kernel(5). macOS: the id of the boot session.
  return read('/proc/sys/kernel/random/boot_id') ?? run('sysctl', ['-n', 'kern.bootsessionuuid']) ?? 'unknown';
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid').replace(/\D/g, '');
  } catch {
    return 'none';
  }
}

function run(command: string, args: string[]): string | undefined {
  try {
    return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Returns the start time of process `pid`; `undefined` if it does not exist. */
export function processStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The name in parentheses may contain any character, so fields are counted after it; field 22 is the start time.
    // Processes in state Z or X are dead.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  }
  if (process.platform === 'linux') return undefined;
  return run('ps', ['-o', 'lstart=', '-p', String(pid)])?.replace(/\s+/g, '-');
}

let self: Owner | undefined;

/** Returns the owner that stands for this process. */
export function currentOwner(): Owner {
  self ??= {
    host: hostname(),
    boot: bootId(),
    namespace: pidNamespace(),
    pid: process.pid,
    started: processStart(process.pid) ?? randomUUID(),
  };
  return self;
}

export const formatOwner = (owner: Owner): string =>
  [owner.host, owner.boot, owner.namespace, owner.pid, owner.started].map((part) => encodeURIComponent(part)).join('|');

/** Decodes a part of a label. Any program can write labels, so an invalid escape sequence gives undefined. */
function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}

export function parseOwner(text: string | undefined): Owner | undefined {
  const [host, boot, namespace, pid, started, ...more] = (text ?? '').split('|').map(decoded);
  if (!host || !boot || !namespace || !started || more.length > 0 || !Number.isSafeInteger(Number(pid)))
    return undefined;
  return { host, boot, namespace, pid: Number(pid), started };
}

/**
 * Returns the state of an owner. `unknown`: it belongs to another machine or pid namespace, and only its lease ends it.
 */
export function livenessOf(owner: Owner | undefined): 'alive' | 'dead' | 'unknown' {
  const here = currentOwner();
  if (!owner || owner.host !== here.host) return 'unknown';
  if (owner.boot !== here.boot) return 'dead';
  if (owner.namespace !== here.namespace) return 'unknown';
  return processStart(owner.pid) === owner.started ? 'alive' : 'dead';
}
