/** Checks the users that commands run as: uids per sandbox, and names for uids that an image does not know. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { check, type Finding } from '../../backends/finding.js';
import { messageOf } from '../../base/errors.js';
import type { Sandbox } from '../../sandbox/sandbox.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import { PROBE_LIMITS } from '../probe-limits.js';

/** A uid that no Ripcord image has a name for. */
const NAMELESS = '1234:1234';

/**
 * Reports if the sandbox has its own uid.
 * @param user user of the probe, created with an image that names the whole range
 */
export function checkOwnUid(user: string, hasOwnUid: boolean): Finding {
  return check('probe.own-uid', hasOwnUid, {
    ok: `a sandbox has uids of its own (${user.split(':')[0]}), so what the kernel counts for each uid is not shared`,
    bad: `sandboxes share the uid ${user.split(':')[0]}, and with it inotify instances and what else the kernel counts for each uid`,
    fix: 'An engine with user namespaces must map the uids 40000 to 41023 (/etc/subuid, /etc/subgid). Other images: `uids: "own"`.',
    otherwise: 'warn',
  });
}

/** Tests if the engine can mount directories and files of this machine, in the manager's own directory. */
export async function tryBind(
  manager: SandboxManager,
  canBind: boolean,
  image: string,
  signal: AbortSignal | undefined,
): Promise<Finding> {
  const texts = {
    ok: 'directories of this machine can be mounted (`bind`), and a uid without a name gets one there',
    fix: 'Use `copy` with a seed, or an engine that runs in the same file system as this process.',
    otherwise: 'warn' as const,
  };
  if (!canBind) return check('probe.bind', false, { ...texts, bad: 'no `bind`: the engine is not on this machine' });
  const path = join(manager.directory, 'probe');
  await mkdir(path);
  const workspace = { mode: 'bind', path } as const;
  let sandbox: Sandbox | undefined;
  try {
    sandbox = await manager.create({ image, workspace, user: NAMELESS, limits: PROBE_LIMITS, signal });
    const { stdout } = await sandbox.exec(['id', '-un'], { timeoutMs: 10_000, signal });
    const bad =
      'the engine sees no files of this process, so that in `bind` mode a uid without an entry in the image has none (`os.userInfo()` and ssh fail)';
    return check('probe.bind', stdout === 'sandbox\n', { ...texts, bad });
  } catch (error) {
    if (signal?.aborted) throw error;
    return check('probe.bind', false, { ...texts, bad: `no \`bind\`: ${messageOf(error)}` });
  } finally {
    await sandbox?.close();
  }
}
