/**
 * Applies or recovers a commit as a process of its own, to be mistreated: killed by its parent at any moment, or by
 * itself right before the n-th call that changes the disk; or at that point a directory is swapped for a link.
 *
 *     commit-main.mjs library.mjs apply|recover '{ "base", "result", "target", "withSeed", "killAt", "swap": { "at", "directory", "aside", "link" } }'
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const [library, action, json] = process.argv.slice(2);
const { base, result, target, withSeed, killAt, swap, hold } = JSON.parse(json);

const CHANGING = [
  'rename',
  'link',
  'symlink',
  'mkdir',
  'rmdir',
  'unlink',
  'rm',
  'write',
  'writeFile',
  'fsync',
  'fchmod',
  'copyFile',
];
let calls = 0;

function count() {
  calls += 1;
  if (calls === killAt) process.kill(process.pid, 'SIGKILL');
  if (swap !== undefined && calls === swap.at) {
    fs.renameSync(swap.directory, swap.aside);
    fs.symlinkSync(swap.link, swap.directory);
  }
}

// Before the library is loaded: it takes these functions from the module when it is.
for (const of of [fs, fs.promises]) {
  for (const name of CHANGING) {
    const real = of[name];
    if (real === undefined) continue;
    const counted = (...args) => {
      count();
      return real.apply(of, args);
    };
    Object.defineProperties(counted, Object.getOwnPropertyDescriptors(real));
    of[name] = counted;
  }
}
const { open } = fs;
const countedOpen = (path, flags, ...rest) => {
  if (typeof flags === 'string' && flags !== 'r') count();
  return open(path, flags, ...rest);
};
Object.defineProperties(countedOpen, Object.getOwnPropertyDescriptors(open));
fs.open = countedOpen;
syncBuiltinESMExports();

const { applyCommit, manifestOf, prepareCommit, recoverCommit } = await import(library);

if (action === 'recover') {
  const recovery = await recoverCommit(target);
  console.log(JSON.stringify({ ...recovery, calls }));
} else {
  const snapshot = async (directory) => ({ ...(await manifestOf(directory)), directory });
  const [seed, after] = [await snapshot(base), await snapshot(result)];
  // An empty target receives the seed, too.
  const from = withSeed ? { base: { manifest: new Map() }, seed } : { base: seed };
  const plan = await prepareCommit({ ...from, result: after, target });
  // A plan does not write, so counting begins here.
  calls = 0;
  console.log(JSON.stringify({ id: plan.id }));
  if (hold) await new Promise((resolve) => process.stdin.once('data', resolve));
  const receipt = await applyCommit(plan, { allowRules: ['executable'] });
  console.log(JSON.stringify({ changes: receipt.changes.length, calls }));
}
process.exit(0);
