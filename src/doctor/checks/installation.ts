/** Whether everything of Ripcord's own is in place. */
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { loadAgent } from '../../backends/docker/agent-volume.js';
import type { DockerBackend } from '../../backends/docker/docker-backend.js';
import { listImages } from '../../backends/docker/images/build.js';
import { DockerImages } from '../../backends/docker/images/docker-images.js';
import { architectureOf } from '../../base/architecture.js';
import { messageOf, RipcordError } from '../../base/errors.js';
import { closeStateRoot, openStateRoot, stateRoot } from '../../cleanup/state-dir.js';
import type { ImageStatus } from '../../images/image-status.js';
import { check, type Finding } from '../finding.js';

const MIN_NODE = 20;
const ROOM_BYTES = 1024 ** 3;

export function checkNode(): Finding {
  return check('ripcord.node', Number(process.versions.node.split('.')[0]) >= MIN_NODE, {
    ok: `Node.js ${process.version}`,
    bad: `Node.js ${process.version} is too old`,
    fix: `Install Node.js ${MIN_NODE} or later.`,
  });
}

/** The binary that becomes PID 1 of every sandbox. */
export function checkAgent(architecture: string): Finding {
  const arch = architectureOf(architecture);
  if (!arch) {
    return check('ripcord.agent', false, {
      ok: '',
      bad: `no agent for engines on ${architecture || 'an unknown processor'}`,
      fix: 'Use an engine on amd64 or arm64.',
    });
  }
  try {
    const bytes = loadAgent(arch).files.reduce((sum, { content }) => sum + content.length, 0);
    return check('ripcord.agent', true, { ok: `agent for ${arch}, ${Math.ceil(bytes / 1024)} KiB`, bad: '' });
  } catch (error) {
    const hint = error instanceof RipcordError ? error.hint : undefined;
    return check('ripcord.agent', false, { ok: '', bad: messageOf(error), fix: hint });
  }
}

export async function checkImages(backend: DockerBackend): Promise<{ finding: Finding; images: ImageStatus[] }> {
  const images = await listImages(new DockerImages(backend.docker, backend.description));
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

/** Where staged workspaces lie. */
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
