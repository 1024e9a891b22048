/** Makes a sandbox and finds out, by trying, what is in force inside. */
import { messageOf, RipcordError } from '../errors.js';
import { describeLeft, isClean } from '../lifecycle/receipt.js';
import type { Sandbox } from '../sandbox.js';
import { SandboxManager } from '../sandbox-manager.js';
import { checkAgentFindings, checkAttempts, checkFrame } from './checks/inside.js';
import { tryCpu, tryMemory, tryPids, tryTreeKill } from './checks/trials.js';
import { check, type Finding } from './finding.js';
import { PROBE_LIMITS } from './probe-limits.js';

export interface ProbeOptions {
  docker: string | undefined;
  image: string;
  signal: AbortSignal | undefined;
}

type Add = (...found: Finding[]) => void;

export async function probe(options: ProbeOptions, add: Add): Promise<void> {
  const { docker, image, signal } = options;
  let manager: SandboxManager | undefined;
  try {
    manager = await SandboxManager.open({ docker, handleSignals: false });
    const startedAt = performance.now();
    const sandbox = await manager.create({ image, limits: PROBE_LIMITS, lifetimeMs: 60_000, signal });
    const ms = Math.round(performance.now() - startedAt);
    add(check('probe.sandbox', true, { ok: `a sandbox of ${image} was there after ${ms} ms`, bad: '' }));
    await look(sandbox, signal, add);
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

function failed(error: unknown): Finding {
  const hint = error instanceof RipcordError ? error.hint : undefined;
  return check('probe.sandbox', false, { ok: '', bad: messageOf(error), fix: hint });
}
