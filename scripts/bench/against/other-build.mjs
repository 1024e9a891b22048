/** The library as another commit has it, built in a directory of its own beside this checkout's. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { inProject, ROOT } from '../../setup/paths.mjs';

const run = promisify(execFile);
const PLENTY = 64 * 1024 ** 2;

/**
 * @param {string} commit anything that git takes for one
 * @returns {Promise<{ commit: string, library: object, remove: () => Promise<void> }>}
 * @throws when git does not know the commit, or it cannot be built
 */
export async function buildOther(commit) {
  const { stdout } = await run('git', ['rev-parse', '--short', '--verify', `${commit}^{commit}`], { cwd: ROOT });
  const directory = await mkdtemp(path.join(tmpdir(), 'ripcord-bench-against-'));
  const remove = async () => {
    rmSync(directory, { recursive: true, force: true });
    await run('git', ['worktree', 'prune'], { cwd: ROOT });
  };
  try {
    await run('git', ['worktree', 'add', '--detach', '--force', directory, stdout.trim()], { cwd: ROOT });
    await installPackages(directory);
    const node = (...args) => run(process.execPath, args, { cwd: directory, maxBuffer: PLENTY });
    await node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
    await node('scripts/build-agent.mjs');
    const library = await import(pathToFileURL(path.join(directory, 'dist/index.js')).href);
    return { commit: stdout.trim(), library, remove };
  } catch (error) {
    await remove();
    throw new Error(`${commit} cannot be built: ${error.message}`, { cause: error });
  }
}

/** This checkout's packages serve it where they are the same versions; else it gets its own. */
async function installPackages(directory) {
  const lock = (root) => JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const [theirs, ours] = [lock(directory), lock(ROOT)];
  const same = Object.keys(theirs).every((name) => name === '' || theirs[name].version === ours[name]?.version);
  if (same && existsSync(inProject('node_modules'))) {
    symlinkSync(inProject('node_modules'), path.join(directory, 'node_modules'));
    return;
  }
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: directory, maxBuffer: PLENTY });
}
