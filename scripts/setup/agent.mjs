/** The agent, process 1 of every sandbox: compiled when its binary is missing or its sources changed. */
import { existsSync } from 'node:fs';
import { fingerprint, listFiles, readStamp, writeStamp } from './fingerprint.mjs';
import { compileOnEngine } from './images.mjs';
import { inProject } from './paths.mjs';
import { SetupError } from './setup-error.mjs';
import { compilerPresent } from './tools.mjs';

const BUILD_SCRIPT = inProject('scripts', 'build-agent.mjs');
/** The agent's filter of system calls is compiled from the profile by the scripts. */
const FILTER_SOURCES = [inProject('sandbox-images', 'seccomp.json'), ...listFiles(inProject('scripts', 'seccomp'))];

/** @typedef {'x64' | 'arm64'} Arch */

/**
 * @param {Arch} arch the engine's
 * @returns {boolean} whether the agent was compiled from these very sources
 */
export function agentReady(arch) {
  const [sources, binary] = readStamp(stampOf(arch))?.split('\n') ?? [];
  return binary !== undefined && existsSync(binary) && sources === fingerprint(agentSources());
}

/** @param {Arch} arch */
export function compilesHere(arch) {
  return process.platform === 'linux' && process.arch === arch && compilerPresent();
}

/**
 * Builds the agent with the compiler of this machine if it makes programs for the engine's processor, else with one on the engine.
 *
 * @param {Arch} arch
 * @param {import('./progress.mjs').Progress} progress
 */
export async function buildAgent(arch, progress) {
  await progress.run('agent', async () => {
    const before = fingerprint(agentSources());
    const { buildAgent: compile } = await import('../build-agent.mjs');
    const compileElsewhere = compilesHere(arch) ? undefined : compileOnEngine;
    const binary = await compile({ arch, quiet: true, compileElsewhere }).catch((error) => {
      throw new SetupError(error.message, { hint: error.hint, cause: error });
    });
    writeStamp(stampOf(arch), `${before}\n${binary}`);
  });
}

/**
 * The agent with ASan and UBSan, for the tests: two of their files at once would each compile it.
 *
 * @param {import('./progress.mjs').Progress} progress
 */
export async function buildCheckedAgent(progress) {
  await progress.run('agent with sanitizers', async () => {
    const { buildAgent: compile } = await import('../build-agent.mjs');
    await compile({ quiet: true, sanitize: true }).catch((error) => {
      throw new SetupError(error.message, { cause: error });
    });
  });
}

/** @param {Arch} arch */
function stampOf(arch) {
  return inProject('dist', `.agent-stamp-${arch}`);
}

function agentSources() {
  const directory = inProject('sandbox-images', 'agent');
  const built = inProject('sandbox-images', 'agent', 'build');
  return [BUILD_SCRIPT, ...FILTER_SOURCES, ...listFiles(directory).filter((file) => !file.startsWith(built))];
}
