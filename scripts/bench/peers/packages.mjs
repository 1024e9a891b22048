/** The peers on npm: installed on demand, by a lock file of their own, into a cache outside the project. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { readStamp, writeStamp } from '../../setup/fingerprint.mjs';
import { inProject } from '../../setup/paths.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { run } from '../../setup/run.mjs';

const SOURCE = fileURLToPath(new URL('./npm/', import.meta.url));
const CACHE = inProject('node_modules', '.cache', 'ripcord-bench');
const STAMP = join(CACHE, 'node_modules', '.stamp');

export class PeerPackages {
  #ready;

  /**
   * @param {string} name
   * @param {string} [entry] below the package
   * @returns {Promise<{ module: Record<string, any>, version: string }>}
   */
  async load(name, entry = '') {
    this.#ready ??= install();
    await this.#ready;
    const require = createRequire(join(CACHE, 'package.json'));
    const module = await import(pathToFileURL(require.resolve(join(name, entry))).href);
    const { version } = JSON.parse(readFileSync(join(CACHE, 'node_modules', name, 'package.json'), 'utf8'));
    return { module, version };
  }
}

async function install() {
  const wanted = createHash('sha256')
    .update(readFileSync(join(SOURCE, 'package-lock.json')))
    .digest('hex');
  if (readStamp(STAMP) === wanted) return;
  rmSync(CACHE, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) cpSync(join(SOURCE, file), join(CACHE, file));
  await createProgress().run('npm packages to compare with', () =>
    run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'], {
      cwd: CACHE,
      env: { NODE_ENV: '', npm_config_omit: '' },
    }),
  );
  writeStamp(STAMP, wanted);
}
