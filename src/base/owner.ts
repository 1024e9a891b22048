/**
 * Who made a sandbox, in a form that another process — after a crash, a reboot, or at the same time — can tell a live
 * owner from a dead one by. A pid alone will not do: pids are reused, and a container has pids of its own.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

export interface Owner {
  host: string;
  /** Changes with every boot: whatever ran before it is dead. */
  boot: string;
  /** The pid namespace: pids mean nothing across it. */
  namespace: string;
  pid: number;
  /** When the process started, in the kernel's units: tells it from a later one of the same pid. */
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
  // Linux: proc_sys_kernel(5). macOS: the boot time.
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

/** When process `pid` started; `undefined` when there is none. */
export function processStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  if (stat !== undefined) {
    // The name in parentheses may contain anything; field 22 counts from behind it. Z and X are dead already.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  }
  if (process.platform === 'linux') return undefined;
  return run('ps', ['-o', 'lstart=', '-p', String(pid)])?.replace(/\s+/g, '-');
}

let self: Owner | undefined;

/** This process. */
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

/** A label can be written by anybody: what is no escape sequence makes no name. */
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

/** `unknown`: it belongs to another machine or another pid namespace, and only its own lease can tell. */
export function livenessOf(owner: Owner | undefined): 'alive' | 'dead' | 'unknown' {
  const here = currentOwner();
  if (!owner || owner.host !== here.host) return 'unknown';
  if (owner.boot !== here.boot) return 'dead';
  if (owner.namespace !== here.namespace) return 'unknown';
  return processStart(owner.pid) === owner.started ? 'alive' : 'dead';
}
