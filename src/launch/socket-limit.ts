/** Limits the number of sockets that all processes of a sandbox have open together. */
import type { AgentCapabilities } from '../agent/messages.js';
import type { ResolvedCreateOptions } from './options.js';
import type { SandboxWarning } from './warnings.js';

type Limits = ResolvedCreateOptions['limits'];

/**
 * Bytes of memory per socket. A socket buffers up to 512 KiB (container-config.ts), so all together hold at most twice
 * the memory limit.
 */
const MEMORY_EACH = 256 * 1024;
/** Minimum of the default limit. A connection within the sandbox takes two sockets, a child process of Node.js six. */
const LEAST = 512;

/**
 * Returns the limit that the agent enforces; 0 for no limit. By default there is one only if the kernel does not count
 * the memory of sockets towards the memory limit (cgroup v1).
 */
export function maxSockets({ sockets, memory }: Limits, { cgroup, socketCounter }: AgentCapabilities): number {
  if (!socketCounter) return 0;
  return sockets ?? (cgroup === 'v2' ? 0 : Math.max(LEAST, Math.floor(memory / MEMORY_EACH)));
}

/** Adds a warning if a limit was requested and cannot be enforced. It replaces the warning of an earlier task. */
export function withSocketWarning(
  warnings: readonly SandboxWarning[],
  { sockets }: Limits,
  { socketCounter }: AgentCapabilities,
): SandboxWarning[] {
  const others = warnings.filter(({ code }) => code !== 'sockets-unlimited');
  if (sockets === undefined || socketCounter) return others;
  const message = `limits.sockets (${sockets}) is not enforced: the sandbox's kernel does not report the number of sockets.`;
  return [...others, { code: 'sockets-unlimited', message }];
}
