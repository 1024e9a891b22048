/** The checks of the packed package. Each returns the problems it found; a command that fails throws with its output. */

import path from 'node:path';
import { build } from 'esbuild';
import { importing, typeErrors } from './compile.mjs';
import { publintProblems, typesProblems } from './lints.mjs';
import * as programs from './programs.mjs';
import { PACKAGE } from './project.mjs';

/**
 * @typedef {object} Subject
 * @property {string} file the packed package
 * @property {import('./project.mjs').Project} project a project that has it installed
 * @property {AbortSignal} signal
 *
 * @typedef {object} Check
 * @property {string} title what it does
 * @property {(subject: Subject) => Promise<string[]>} problems
 */

/** An older compiler than this project's: the last one with `moduleResolution: node10`. */
const OLD_COMPILER = 'typescript@5.9';

/** @type {Check[]} */
export const CHECKS = [
  { title: 'publint: what package.json says of its files', problems: ({ file }) => publintProblems(file) },
  { title: 'are-the-types-wrong: the types of each entry', problems: ({ file }) => typesProblems(file) },
  { title: 'the agents for engines on x64 and arm64 are in it', problems: agents },
  { title: 'an ES module imports each entry', problems: importsEach },
  { title: requiring('CommonJS requires each entry'), problems: requiresEach },
  { title: 'npx --no-install ripcord --version', problems: commandLine },
  { title: `esbuild --bundle --external:${PACKAGE}, as a module and as CommonJS`, problems: bundles },
  { title: 'TypeScript of this project, skipLibCheck: false: nodenext, bundler', problems: compiles },
  { title: `${OLD_COMPILER}, skipLibCheck: false: nodenext, node16, bundler, node10`, problems: compilesOld },
  { title: 'with the optional peer: import and types of its entry', problems: peers },
];

/** @param {Subject} subject */
async function agents({ project }) {
  const needed = ['x64', 'arm64'].flatMap((arch) => [`agent-${arch}`, `warm-${arch}.so`]);
  const missing = needed.filter((name) => !project.has(`sandbox-images/agent/build/${name}`));
  return missing.map(
    (name) => `${name} is missing. On Debian gcc, gcc-aarch64-linux-gnu and libc6-dev-arm64-cross compile them.`,
  );
}

/** @param {Subject} subject */
async function importsEach({ project, signal }) {
  const names = JSON.parse(await project.run('import.mjs', programs.importEach(project.entries), signal));
  return emptyOnes(project.entries, names);
}

/** @param {string} title */
function requiring(title) {
  return process.features.require_module
    ? title
    : `${title}, by import(): Node ${process.versions.node} cannot require() a module`;
}

/** @param {Subject} subject */
async function requiresEach({ project, signal }) {
  const program = process.features.require_module ? programs.requireEach : programs.importEachLater;
  const names = JSON.parse(await project.run('require.cjs', program(project.entries), signal));
  return emptyOnes(project.entries, names);
}

/**
 * @param {string[]} entries
 * @param {string[][]} names what each of them exports
 */
function emptyOnes(entries, names) {
  return entries.filter((_, at) => !names[at]?.length).map((entry) => `${entry} exports nothing.`);
}

/** @param {Subject} subject */
async function commandLine({ project, signal }) {
  const { version } = project.manifest;
  const printed = (await project.command('npx', ['--no-install', 'ripcord', '--version'], signal)).trim();
  return printed === version ? [] : [`It printed '${printed}'; the version of the package is ${version}.`];
}

/** @param {Subject} subject */
async function bundles({ project, signal }) {
  /** @type {string[]} */
  const problems = [];
  project.write('main.mjs', programs.USE);
  for (const [format, name] of /** @type {const} */ ([
    ['esm', 'bundle.mjs'],
    ['cjs', 'bundle.cjs'],
  ])) {
    // Older Nodes cannot require() the package, whatever calls it.
    if (format === 'cjs' && !process.features.require_module) continue;
    await build({
      absWorkingDir: project.directory,
      entryPoints: ['main.mjs'],
      bundle: true,
      platform: 'node',
      format,
      external: [PACKAGE],
      outfile: name,
      logLevel: 'silent',
    });
    const printed = await project.command(process.execPath, [name], signal);
    if (printed !== programs.PRINTED) problems.push(`${name} printed '${printed}' instead of '${programs.PRINTED}'.`);
  }
  return problems;
}

/** The compiler options of users, each with the files it applies to. Only `nodenext` lets a `.cts` file import an ES module. */
const NODENEXT = { files: ['use.mts', 'use.cts'], options: { module: 'nodenext' } };
const NODE16 = { files: ['use.mts'], options: { module: 'node16' } };
const BUNDLER = { files: ['use.ts'], options: { module: 'esnext', moduleResolution: 'bundler' } };
const NODE10 = { files: ['use.ts'], options: { module: 'commonjs', moduleResolution: 'node10' } };

/** @param {Subject} subject */
function compiles({ project }) {
  return compileAll(project, [NODENEXT, BUNDLER]);
}

/** @param {Subject} subject */
async function compilesOld({ project, signal }) {
  await project.install([OLD_COMPILER], signal);
  const compiler = path.join(project.directory, 'node_modules/typescript/bin/tsc');
  return await compileAll(project, [NODENEXT, NODE16, BUNDLER, NODE10], compiler);
}

/**
 * @param {import('./project.mjs').Project} project
 * @param {(typeof NODENEXT)[]} settings
 * @param {string} [compiler]
 */
async function compileAll(project, settings, compiler) {
  /** @type {string[]} */
  const problems = [];
  for (const { files, options } of settings) {
    const program = importing(project.entries) + programs.USE_TYPED;
    const texts = Object.fromEntries(files.map((name) => [name, program]));
    const errors = await typeErrors(project.directory, texts, options, compiler);
    problems.push(...errors.map((error) => `${Object.values(options).join(', ')}: ${error}`));
  }
  return problems;
}

/** @param {Subject} subject */
async function peers({ project, signal }) {
  const found = project.entriesWithPeer;
  await project.install(
    found.map(({ peer }) => peer),
    signal,
  );
  const entries = found.map(({ entry }) => entry);
  const names = JSON.parse(await project.run('peers.mjs', programs.importEach(entries), signal));
  // The AI SDK's own types name the DOM's.
  const options = { ...BUNDLER.options, lib: ['es2022', 'dom'] };
  return [
    ...emptyOnes(entries, names),
    ...(await typeErrors(project.directory, { 'peers.ts': importing(entries) }, options)),
  ];
}
