import { spawnSync } from 'node:child_process';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { buildImage } from '../../../src/backends/docker/images/build.js';
import type { DockerImages, ImageBuildOptions } from '../../../src/backends/docker/images/docker-images.js';
import { unfinishedTag } from '../../../src/backends/docker/images/unfinished.js';

test('two that build one image on one engine each label their own', async () => {
  const tags = new Map<string, string>();
  let release = () => {};
  const bothBuilt = new Promise<void>((resolve) => {
    release = resolve;
  });
  let built = 0;
  const engine = {
    async build(context: Readable, { tag, labels }: ImageBuildOptions) {
      const from = /FROM (\S+)\n/.exec(await text(context))?.[1] ?? '';
      const id = labels ? `labelled ${tags.get(from)}` : `content ${++built}`;
      tags.set(tag, id);
      return id;
    },
    async readFile() {
      if (built === 2) release();
      await bothBuilt;
      return Buffer.from('{}');
    },
    async remove(tag: string) {
      tags.delete(tag);
    },
    async named() {
      return [{ tags: [...tags.keys()] }];
    },
  } as unknown as DockerImages;
  // One tag is of a process of this machine that has ended, the other of a process elsewhere.
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const [host, boot, , started] = unfinishedTag('shell').split('building.')[1]!.split('.');
  const left = (where: string) => `ripcord/shell:building.${where}.${boot}.${pid}.${started}.0badcafe`;
  for (const tag of [left(host!), left('elsewhere')]) tags.set(tag, 'left');
  const ids = await Promise.all([buildImage(engine, 'shell'), buildImage(engine, 'shell')]);
  expect(ids.sort()).toEqual(['labelled content 1', 'labelled content 2']);
  expect([...tags.keys()]).toEqual([left('elsewhere'), 'ripcord/shell:latest']);
});
