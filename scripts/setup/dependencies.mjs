/** The npm packages: installed when they are missing or package-lock.json asks for others. */
import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { readStamp, writeStamp } from './fingerprint.mjs';
import { inProject, ROOT } from './paths.mjs';
import { run } from './run.mjs';

const LOCKFILE = inProject('package-lock.json');
const STAMP = inProject('node_modules', '.ripcord-stamp');

/** @returns {boolean} whether node_modules holds what package-lock.json asks for */
export function dependenciesReady() {
  const wanted = lockHash();
  if (readStamp(STAMP) === wanted) return true;
  if (!installedMatchesLock()) return false;
  writeStamp(STAMP, wanted);
  return true;
}

/**
 * @param {import('./progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
export async function installDependencies(progress, signal) {
  await progress.run('npm packages', async () => {
    const [command, ...prefix] = npmCommand();
    // None of the packages needs an install script, so none is given the chance to run one.
    const args = [...prefix, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    const install = () =>
      run(command, args, {
        cwd: ROOT,
        // Under `npm start` npm puts its own settings into the environment; a production one would leave tsc out.
        env: { NODE_ENV: '', npm_config_omit: '' },
        signal,
        hint: 'Is the npm registry reachable? `npm ping` and the proxy settings of npm tell.',
      });
    await install().catch(async (error) => {
      signal.throwIfAborted();
      // Leftovers of a killed installation may be in the way of the next one.
      if (!/ENOTEMPTY|EEXIST/.test(error.tail?.join() ?? '')) throw error;
      rmSync(inProject('node_modules'), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
      await install();
    });
    writeStamp(STAMP, lockHash());
  });
}

// The npm this was started with, else the one on the PATH.
function npmCommand() {
  const own = process.env.npm_execpath;
  return own && /npm-cli\.c?js$/.test(own) ? [process.execPath, own] : ['npm'];
}

function lockHash() {
  return createHash('sha256').update(readFileSync(LOCKFILE)).digest('hex');
}

// npm keeps its own record of installed packages, so that an `npm install` by hand counts and is kept.
function installedMatchesLock() {
  const record = readStamp(inProject('node_modules', '.package-lock.json'));
  if (!record) return false;
  const installed = JSON.parse(record).packages;
  const wanted = JSON.parse(readFileSync(LOCKFILE, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional || entry.devOptional || installed[name]?.version === entry.version,
  );
}
