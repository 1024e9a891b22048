/**
 * Names of images that are being built. Each name contains its builder, so that leftovers of a killed build are
 * recognised.
 */
import { createHash, randomBytes } from 'node:crypto';
import { currentOwner, processStart } from '../../../base/owner.js';
import type { ImageName } from '../../../images/catalog.js';
import type { DockerImages } from './docker-images.js';

const PREFIX = 'building';

/** Returns a unique tag: two builds with the same tag would label each other's content. */
export function unfinishedTag(name: ImageName): string {
  const { pid, started } = currentOwner();
  return `ripcord/${name}:${PREFIX}.${place().join('.')}.${pid}.${plain(started)}.${randomBytes(4).toString('hex')}`;
}

/** Removes unfinished images of dead builds on this machine. */
export async function removeUnfinished(engine: DockerImages, name: ImageName): Promise<void> {
  const [host, boot] = place();
  for (const { tags } of await engine.named(`ripcord/${name}:${PREFIX}.*`)) {
    for (const tag of tags) {
      const [word, itsHost, itsBoot, pid, started] = tag.slice(tag.lastIndexOf(':') + 1).split('.');
      if (word !== PREFIX || itsHost !== host) continue;
      const runs = itsBoot === boot && plain(processStart(Number(pid)) ?? '') === started;
      if (!runs) await engine.remove(tag);
    }
  }
}

/** Returns short hashes of this machine's name and boot, for a tag. */
function place(): [host: string, boot: string] {
  const { host, boot, namespace } = currentOwner();
  const short = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 8);
  return [short(`${host} ${namespace}`), short(boot)];
}

const plain = (text: string): string => text.replace(/\W/g, '-');
