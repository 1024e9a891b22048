import type { Backend } from '../../backends/backend.js';
import { check, type Finding } from '../../backends/finding.js';
import { livenessOf } from '../../base/owner.js';
import { instanceDirs, stateRoot } from '../../cleanup/state-dir.js';
import { isLeftover } from '../../cleanup/sweep.js';

/** Reports the objects that a sweep would remove, without removing them. */
export async function checkLeftovers(backend: Backend): Promise<Finding> {
  const [containers, extras, now] = await Promise.all([backend.containers(), backend.extras(), backend.now()]);
  const found = [...containers, ...extras.filter(({ kind }) => kind === 'volume')];
  const verdicts = await Promise.all(found.map((item) => isLeftover(backend, item, now)));
  const left = found.filter((_, index) => verdicts[index]);
  const directories = instanceDirs(stateRoot()).filter(({ owner }) => livenessOf(owner) === 'dead');
  const running = containers.length - left.length;
  return check('ripcord.leftovers', left.length + directories.length === 0, {
    ok: `nothing is left of dead owners${running > 0 ? `; sandboxes in use: ${running}` : ''}`,
    bad: `left of dead owners: containers and volumes ${left.length}, directories ${directories.length}`,
    fix: 'ripcord sweep',
    otherwise: 'warn',
  });
}
