/**
 * `npm run release:check`: packs the package as `npm publish` does, and tries the packed file as its users will. Prints each
 * step. Exits with 1 if a check found problems, and prints all of them.
 *
 *     node scripts/release-check.mjs [--tag v1.2.3] [--out directory]
 *
 * `--tag` also checks that the tag is the version's, and that CHANGELOG.md has a section for it. `--out` keeps the packed
 * file there, with the section as NOTES.md. It downloads the dependencies of the package with npm; it needs no engine.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { sectionOf, tagProblems } from './release/changelog.mjs';
import { CHECKS } from './release/checks.mjs';
import { Project } from './release/project.mjs';
import { inProject, ROOT } from './setup/paths.mjs';
import { createProgress } from './setup/progress.mjs';
import { run } from './setup/run.mjs';
import { printError, SetupError } from './setup/setup-error.mjs';

const progress = createProgress();
const changelog = readFileSync(inProject('CHANGELOG.md'), 'utf8');
const { version } = JSON.parse(readFileSync(inProject('package.json'), 'utf8'));
/** @type {string[]} the titles of what failed */
const failed = [];

/**
 * Runs one check and prints its problems; the others run all the same.
 * @param {string} title
 * @param {() => Promise<string[]>} problems
 */
async function check(title, problems) {
  try {
    await progress.run(title, async () => {
      const tail = await problems();
      if (tail.length > 0)
        throw new SetupError(`${title}: ${tail.length === 1 ? 'a problem' : `${tail.length} problems`}`, { tail });
    });
  } catch (error) {
    printError(error);
    failed.push(title);
  }
}

/**
 * @param {string} directory
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the packed file
 */
async function pack(directory, signal) {
  const options = { cwd: ROOT, signal, hint: 'It compiles what is missing: `npm pack` prints more.' };
  await progress.run('npm pack: compiles what is missing and packs the package', (step) =>
    run('npm', ['pack', '--pack-destination', directory], { ...options, onLine: step.say }),
  );
  const name = readdirSync(directory).find((entry) => entry.endsWith('.tgz'));
  if (!name) throw new SetupError(`npm pack wrote no .tgz file to ${directory}.`);
  return path.join(directory, name);
}

/**
 * @param {string} directory a temporary one
 * @param {AbortSignal} signal
 * @returns {Promise<string>} the packed file
 */
async function checkPackage(directory, signal) {
  const file = await pack(directory, signal);
  const project = new Project(path.join(directory, 'project'));
  await progress.run(`npm install --ignore-scripts ${path.basename(file)}, in an empty project`, () =>
    project.install([file], signal),
  );
  for (const { title, problems } of CHECKS) {
    signal.throwIfAborted();
    await check(title, () => problems({ file, project, signal }));
  }
  return file;
}

/** @param {string} file @param {string} out */
function keep(file, out) {
  mkdirSync(out, { recursive: true });
  copyFileSync(file, path.join(out, path.basename(file)));
  writeFileSync(path.join(out, 'NOTES.md'), `${sectionOf(changelog, version) ?? ''}\n`);
  progress.note(`Kept: ${path.join(out, path.basename(file))}`);
}

const directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-release-'));
const stop = new AbortController();
const interrupt = (/** @type {NodeJS.Signals} */ name) => stop.abort(new SetupError(`Interrupted by ${name}.`));
process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
try {
  const { values } = parseArgs({ options: { tag: { type: 'string' }, out: { type: 'string' } } });
  const { tag, out } = values;
  if (tag !== undefined)
    await check(`the tag ${tag} is this version's`, async () => tagProblems(tag, version, changelog));
  const file = await checkPackage(directory, stop.signal);
  if (out !== undefined && failed.length === 0) keep(file, out);
} catch (error) {
  printError(error);
  failed.push('an error outside the checks');
} finally {
  rmSync(directory, { recursive: true, force: true });
}
if (failed.length > 0) {
  console.log(`\nFailed: ${failed.join('; ')}`);
  process.exitCode = 1;
} else {
  console.log(`\n${version} can be released.`);
}
process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
