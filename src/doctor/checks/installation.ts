/** Checks that all parts of Ripcord are installed. */
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { check, type Finding } from '../../backends/finding.js';
import { messageOf, RipcordError } from '../../base/errors.js';
import { closeStateRoot, openStateRoot, stateRoot } from '../../cleanup/state-dir.js';
import type { ImageStatus } from '../../images/image-status.js';
import type { ImageStore } from '../../images/store.js';

const MIN_NODE = 20;
const ROOM_BYTES = 1024 ** 3;

export function checkNode(): Finding {
  return check('ripcord.node', Number(process.versions.node.split('.')[0]) >= MIN_NODE, {
    ok: `Node.js ${process.version}`,
    bad: `Node.js ${process.version} is too old`,
    fix: `Install Node.js ${MIN_NODE} or later.`,
  });
}

export async function checkImages(store: ImageStore): Promise<{ finding: Finding; images: ImageStatus[] }> {
  const images = await store.list();
  const not = (state: ImageStatus['state']) => images.filter((image) => image.state === state).map(({ name }) => name);
  const [missing, stale] = [not('missing'), not('stale')];
  const problems = [
    missing.length > 0 ? `not built: ${missing.join(', ')}` : '',
    stale.length > 0 ? `built from older files: ${stale.join(', ')}` : '',
  ];
  const finding = check('ripcord.images', missing.length + stale.length === 0, {
    ok: `images: ${images.map(({ name }) => name).join(', ')}`,
    bad: `images ${problems.filter(Boolean).join('; ')}`,
    fix: `ripcord images build ${[...missing, ...stale].join(' ')}`,
    otherwise: 'warn',
  });
  return { finding, images };
}

/** Checks the directory of staged workspaces. */
export async function checkStateDir(): Promise<Finding> {
  const root = stateRoot();
  try {
    openStateRoot(root);
    closeStateRoot(root);
  } catch (error) {
    const hint = error instanceof RipcordError ? error.hint : undefined;
    return check('ripcord.state', false, { ok: '', bad: messageOf(error), fix: hint ?? 'Set RIPCORD_STATE_DIR.' });
  }
  const { bavail, bsize } = await statfs(tmpdir());
  const free = bavail * bsize;
  return check('ripcord.state', free >= ROOM_BYTES, {
    ok: `temp directories under ${root}`,
    bad: `only ${Math.floor(free / 1024 ** 2)} MiB are free under ${tmpdir()}, where workspaces are staged`,
    fix: 'Make room, or set RIPCORD_STATE_DIR to another disk.',
    otherwise: 'warn',
  });
}
