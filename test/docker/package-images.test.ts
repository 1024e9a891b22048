/** `ripcord images build` of the packed package on an engine that has no image yet, without a registry and with one. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from 'vitest';
import { LOCAL_DEBIAN_IMAGE } from '../../src/backends/docker/images/debian.js';
import { EngineApi } from '../helpers/chaos/engine-api.js';
import { canRunPrivateEngine, type PrivateEngine, withPrivateEngine } from '../helpers/chaos/private-engine.js';
import { usePackedProject } from '../helpers/packed.js';
import { Running } from './cli-process.js';

const PORT = 5000;
const BUILD_MS = 10 * 60_000;

const packed = usePackedProject();
async function ripcord(engine: PrivateEngine, ...args: string[]) {
  const main = path.join(packed.installed, 'dist/cli/main.js');
  using running = new Running(process.execPath, [main, ...args], {
    cwd: packed.directory,
    env: { DOCKER_HOST: engine.endpoint, RIPCORD_BASE_IMAGE: '' },
  });
  running.child.stdin!.end();
  return await running.ended;
}

async function imagesOf({ api }: PrivateEngine): Promise<string[]> {
  const images = await api.json<{ RepoTags: string[] | null }[]>('GET', '/images/json');
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []);
  return tags.filter((tag) => !tag.startsWith('<none>')).sort();
}

/** If the set-up found a registry, its own build was already made on an image from a registry. */
const { status } = await new EngineApi().ask('GET', `/images/${LOCAL_DEBIAN_IMAGE}/json`);
const withoutRegistry = status === 200;

describe.skipIf(!canRunPrivateEngine)('the packed package on an engine without images', () => {
  it.skipIf(!withoutRegistry)('builds them on what a registry has, and they run', { timeout: BUILD_MS }, () =>
    withPrivateEngine(
      async (engine) => {
        await using _registry = await serve(LOCAL_DEBIAN_IMAGE, engine);
        const run = ['run', '--image', 'base', '--lang', 'bash', '--code', 'echo from inside'];
        const refused = await ripcord(engine, ...run);
        expect(refused.code).toBe(125);
        expect(refused.stderr).toContain('Build it: ripcord images build base, or give --build.');
        const ran = await ripcord(engine, ...run, '--build');
        expect(ran).toMatchObject({ stdout: 'from inside\n', code: 0 });
        expect(ran.stderr).toContain('the engine does not have the image base yet: building it');
        expect(ran.stderr).toContain('pulling debian:bookworm-slim');
        expect(await imagesOf(engine)).toEqual(['debian:bookworm-slim', 'ripcord/base:latest']);
        const built = await ripcord(engine, 'images', 'build', 'base', '--json');
        expect(JSON.parse(built.stdout)).toMatchObject({ built: [] });
      },
      { 'registry-mirrors': [`http://127.0.0.1:${PORT}`] },
    ),
  );

  // It takes minutes: Debian is put together from its packages.
  it.skipIf(process.env.RIPCORD_LONG !== '1')('builds them where no registry answers', { timeout: BUILD_MS }, () =>
    withPrivateEngine(async (engine) => {
      const built = await ripcord(engine, 'images', 'build', 'base', '--json');
      expect(built.stderr).toContain('no registry answers');
      expect(JSON.parse(built.stdout)).toMatchObject({ built: ['base'] });
      expect(await imagesOf(engine)).toEqual(['ripcord/base:latest', LOCAL_DEBIAN_IMAGE]);
    }),
  );
});

/** Starts a registry that has that image of the tests' engine where the engine looks for one: in the engine's own network. */
async function serve(image: string, engine: PrivateEngine): Promise<AsyncDisposable> {
  const main = path.join(import.meta.dirname, '../helpers/registry-main.mjs');
  const args = [`--net=/proc/${engine.pid}/ns/net`, process.execPath, main, String(PORT)];
  const registry = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(registry, 'exit');
  await pipeline(await new EngineApi().open('GET', `/images/${image}/get`), registry.stdin);
  await Promise.race([
    once(registry.stdout, 'data'),
    ended.then(() => Promise.reject(new Error('the registry ended'))),
  ]);
  return {
    async [Symbol.asyncDispose]() {
      registry.kill();
      await ended;
    },
  };
}
