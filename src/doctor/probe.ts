/** Creates a sandbox and tests which limits and protections are in force. */

import type { Examination } from '../backends/backend.js';
import type { Capabilities } from '../backends/capabilities.js';
import { check, type Finding } from '../backends/finding.js';
import { messageOf, RipcordError } from '../base/errors.js';
import { describeLeft, isClean } from '../cleanup/receipt.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { SandboxManager } from '../sandbox/sandbox-manager.js';
import { checkAgentFindings, checkAttempts, checkFrame } from './checks/inside.js';
import { tryCpu, tryMemory, tryPids, tryTreeKill } from './checks/trials.js';
import { checkOwnUid, tryBind } from './checks/users.js';
import { PROBE_LIMITS } from './probe-limits.js';

export interface ProbeOptions {
  docker: string | undefined;
  capabilities: Capabilities;
  image: string;
  /** Runtime with its own kernel, under which a second sandbox is tested. */
  ownKernel: Examination['ownKernel'];
  signal: AbortSignal | undefined;
}

type Add = (...found: Finding[]) => void;

export async function probe(options: ProbeOptions, add: Add): Promise<void> {
  const { docker, capabilities, ownKernel, image, signal } = options;
  let manager: SandboxManager | undefined;
  try {
    manager = await SandboxManager.open({ docker, handleSignals: false });
    const startedAt = performance.now();
    const sandbox = await manager.create({ image, limits: PROBE_LIMITS, lifetimeMs: 60_000, signal });
    const ms = Math.round(performance.now() - startedAt);
    add(check('probe.sandbox', true, { ok: `a sandbox of ${image} was there after ${ms} ms`, bad: '' }));
    await look(sandbox, signal, add);
    const { parts } = sandbox;
    if (parts.image.uids) add(checkOwnUid(parts.user, parts.judge !== undefined));
    add(await tryBind(manager, capabilities.bind, image, signal));
    if (ownKernel !== undefined) add(await tryOwnKernel(manager, image, ownKernel, signal));
  } catch (error) {
    if (!signal?.aborted) add(failed(error));
  } finally {
    const receipt = await manager?.close();
    if (receipt && !signal?.aborted) {
      add(
        check('probe.teardown', isClean(receipt), {
          ok: `removed in ${Math.round(receipt.durationMs)} ms, and verified: no container, volume or directory is left`,
          bad: `left: ${describeLeft(receipt)}; ${receipt.errors.join('; ')}`,
          fix: 'ripcord sweep',
        }),
      );
    }
  }
}

async function look(sandbox: Sandbox, signal: AbortSignal | undefined, add: Add): Promise<void> {
  add(...checkAgentFindings(sandbox.capabilities));
  add(...(await checkFrame(sandbox, signal)), checkAttempts(await sandbox.attempts(signal)));
  for (const attempt of [tryPids, tryCpu, tryTreeKill, tryMemory]) add(await attempt(sandbox, signal));
}

/** Tests the runtime: that the engine lists it only means that it is configured. */
async function tryOwnKernel(
  manager: SandboxManager,
  image: string,
  { runtime, hostKernel }: NonNullable<Examination['ownKernel']>,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const startedAt = performance.now();
  const made = await manager.create({ image, runtime, lifetimeMs: 60_000, signal }).catch((error) => {
    if (signal?.aborted) throw error;
    return messageOf(error);
  });
  const ms = Math.round(performance.now() - startedAt);
  if (typeof made === 'string') {
    return check('probe.gvisor', false, {
      ok: '',
      bad: `the engine names the runtime ${runtime}, but no sandbox can be made with it: ${made}`,
      fix: 'docs/setup.md has arguments it is known to work with.',
      otherwise: 'warn',
    });
  }
  const { kernel } = made.parts.ready;
  const { rootSafe } = made.capabilities;
  await made.close();
  return check('probe.gvisor', kernel !== hostKernel, {
    ok: `${runtime}: a sandbox under a kernel of its own (gVisor, which calls itself Linux ${kernel}) was there after ${ms} ms${rootSafe ? '' : '; `user: 0` is refused in it, because root could reach the agent'}`,
    bad: `a sandbox with the runtime ${runtime} runs on the host's kernel, Linux ${kernel}`,
    fix: `Look at what the path of ${runtime} in the engine’s configuration is.`,
    otherwise: 'warn',
  });
}

function failed(error: unknown): Finding {
  const hint = error instanceof RipcordError ? error.hint : undefined;
  return check('probe.sandbox', false, { ok: '', bad: messageOf(error), fix: hint });
}
