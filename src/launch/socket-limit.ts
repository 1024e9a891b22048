/** How many sockets all processes of a sandbox may have open together. */
import type { AgentCapabilities } from '../agent/messages.js';
import type { ResolvedCreateOptions } from './options.js';
import type { SandboxWarning } from './warnings.js';

type Limits = ResolvedCreateOptions['limits'];

/** A socket holds up to 512 KiB (container-config.ts). One for every so many bytes of memory: together at most twice the memory. */
const MEMORY_EACH = 256 * 1024;
/** A connection within the sandbox takes two, a child process of Node.js six. */
const LEAST = 512;

/**
 * The number that the agent is to keep; 0: any. Without one given, there is one only where the kernel counts what sockets
 * hold towards no limit.
 */
export function maxSockets({ sockets, memory }: Limits, { cgroup, socketCounter }: AgentCapabilities): number {
  if (!socketCounter) return 0;
  return sockets ?? (cgroup === 'v2' ? 0 : Math.max(LEAST, Math.floor(memory / MEMORY_EACH)));
}

/** Adds a warning to `warnings` where a number was asked for and cannot be kept, in place of one for an earlier task. */
export function withSocketWarning(
  warnings: readonly SandboxWarning[],
  { sockets }: Limits,
  { socketCounter }: AgentCapabilities,
): SandboxWarning[] {
  const others = warnings.filter(({ code }) => code !== 'sockets-unlimited');
  if (sockets === undefined || socketCounter) return others;
  const message = `limits.sockets (${sockets}) is not kept: the sandbox's kernel does not say how many sockets there are.`;
  return [...others, { code: 'sockets-unlimited', message }];
}
