/**
 * `npm pack` and `npm publish` run this first: it makes what the package holds and a checkout does not, the compiled
 * library, the dashboard, and the agent for each processor.
 */
import { rmSync } from 'node:fs';
import { buildAgent } from './build-agent.mjs';
import { build, buildReady } from './setup/build.mjs';
import { dependenciesReady, installDependencies } from './setup/dependencies.mjs';
import { findEngine } from './setup/engine.mjs';
import { engineArch } from './setup/host.mjs';
import { compileOnEngine } from './setup/images.mjs';
import { inProject } from './setup/paths.mjs';
import { createProgress } from './setup/progress.mjs';
import { printError } from './setup/setup-error.mjs';

/** @typedef {import('./setup/agent.mjs').Arch} Arch */

/** @type {Arch[]} */
const ARCHES = ['x64', 'arm64'];

// npm writes the file's name on stdout, and scripts read it there.
const progress = createProgress(process.stderr);

async function makePackage() {
  const { signal } = new AbortController();
  if (!dependenciesReady()) await installDependencies(progress, signal);
  if (!buildReady()) await build(progress, signal);
  await makeAgents();
}

/** A package packed for oneself may lack the agent of a processor this machine cannot compile for; a published one may not. */
async function makeAgents() {
  /** @type {Map<Arch, Error>} */
  const missing = new Map();
  for (const arch of ARCHES) {
    await progress.run(`agent for ${arch}`, () => makeAgent(arch)).catch((error) => missing.set(arch, error));
  }
  const [first] = missing.values();
  if (first && (missing.size === ARCHES.length || process.env.npm_command === 'publish')) throw first;
  for (const [arch, { message }] of missing) {
    // An agent of an earlier build may use another protocol than this library.
    for (const name of [`agent-${arch}`, `warm-${arch}.so`]) {
      rmSync(inProject('sandbox-images', 'agent', 'build', name), { force: true });
    }
    progress.warn(`The package has no agent for engines on ${arch}. ${message}`);
  }
}

/** @param {Arch} arch */
async function makeAgent(arch) {
  try {
    await buildAgent({ arch, quiet: true });
  } catch (error) {
    const { engine } = await findEngine();
    if (!engine || (await engineArch(engine)) !== arch) throw error;
    process.env.DOCKER_HOST = engine.endpoint;
    await buildAgent({ arch, quiet: true, compileElsewhere: compileOnEngine });
  }
}

try {
  await makePackage();
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
