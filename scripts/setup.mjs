/**
 * Makes a checkout ready: npm packages, compiled TypeScript, the agent, an engine, the images. Each only when it is
 * missing or out of date, so that running it again costs next to nothing.
 *
 *     node scripts/setup.mjs [--for start|test|bench|images]
 */
import { parseArgs } from 'node:util';
import { agentReady, buildAgent, buildCheckedAgent, compilesHere } from './setup/agent.mjs';
import { build, buildReady } from './setup/build.mjs';
import { dependenciesReady, installDependencies } from './setup/dependencies.mjs';
import { ownEngine } from './setup/engine-start.mjs';
import { GOALS } from './setup/goals.mjs';
import { installTools, prepareHost, startRootfs, surveyHost } from './setup/host.mjs';
import { buildImages, imagesReady } from './setup/images.mjs';
import { withSetupLock } from './setup/lock.mjs';
import { isMain } from './setup/paths.mjs';
import { createProgress } from './setup/progress.mjs';
import { printError, SetupError } from './setup/setup-error.mjs';
import { missingTestPackages } from './setup/tools.mjs';

const NODE_MAJOR = 20;

/**
 * @param {object} [options]
 * @param {import('./setup/goals.mjs').GoalName} [options.goal] what to make ready for. Default `start`.
 * @param {import('./setup/progress.mjs').Progress} [options.progress]
 * @returns {Promise<{ endpoint: string }>} the engine
 * @throws {SetupError} with a hint when a step needs a person
 */
export async function setup({ goal = 'start', progress = createProgress() } = {}) {
  const given = new AbortController();
  // The first Ctrl+C lets the commands under way end, so that the next run finds nothing half written; the second
  // does not wait for them.
  const interrupt = (/** @type {NodeJS.Signals} */ name) => {
    const code = name === 'SIGINT' ? 130 : 143;
    if (given.signal.aborted) process.exit(code);
    process.exitCode = code;
    given.abort(new SetupError(`Interrupted by ${name}; run this again to go on.`));
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  try {
    return await setUpFor(GOALS[goal], progress, given);
  } finally {
    process.removeListener('SIGINT', interrupt).removeListener('SIGTERM', interrupt);
  }
}

/**
 * @param {import('./setup/goals.mjs').Goal} goal
 * @param {import('./setup/progress.mjs').Progress} progress
 * @param {AbortController} stop aborted by an interrupt, and by the first step that fails
 */
async function setUpFor(goal, progress, stop) {
  const begun = Date.now();
  checkNode();
  const host = await surveyHost(goal);
  // The library in this process finds the same engine without looking again.
  const adopt = (/** @type {string} */ endpoint) => {
    if (host.engine?.source !== 'DOCKER_HOST') process.env.DOCKER_HOST = endpoint;
    return { endpoint };
  };
  if (host.engine && (await everythingReady(host, goal))) return adopt(host.engine.endpoint);

  const endpoint = await withSetupLock(() => makeReady(host, goal, adopt, progress, stop), progress, stop.signal);
  if (goal.testTools) reportMissingTools(progress);
  const own = ownEngine();
  if (own && !host.engine) {
    progress.note(`The Docker engine (process ${own.pid}) keeps running. To stop it: npm run engine:stop`);
  }
  progress.note(`Ready after ${((Date.now() - begun) / 1000).toFixed(1)} s.`);
  return { endpoint };
}

/**
 * @param {import('./setup/host.mjs').Host} host
 * @param {import('./setup/goals.mjs').Goal} goal
 */
async function everythingReady(host, goal) {
  if (host.needed.length + host.wanted.length > 0 || !dependenciesReady() || !buildReady() || !agentReady(host.arch))
    return false;
  return imagesReady(/** @type {import('./setup/engine.mjs').Engine} */ (host.engine).endpoint, goal.images);
}

/**
 * Everything that is missing, side by side where one thing does not need the other.
 *
 * @param {import('./setup/host.mjs').Host} host
 * @param {import('./setup/goals.mjs').Goal} goal
 * @param {(endpoint: string) => unknown} adopt
 * @param {import('./setup/progress.mjs').Progress} progress
 * @param {AbortController} stop
 */
async function makeReady(host, goal, adopt, progress, stop) {
  const { signal } = stop;
  /** @type {Awaited<ReturnType<typeof startRootfs>>} */
  let rootfs;
  const machine = (async () => {
    rootfs = await startRootfs(host, progress, signal);
    const endpoint = await prepareHost(host, progress, signal);
    adopt(endpoint);
    return endpoint;
  })();
  const tools = machine.then(() => installTools(host, progress, signal));
  const code = makeCode(progress, signal);
  const images = Promise.all([machine, code]).then(async ([endpoint]) => {
    if (await imagesReady(endpoint, goal.images)) return;
    await buildImages(goal.images, { rootfs: rootfs?.made, progress, signal });
  });
  const agent = Promise.all([machine, code]).then(async () => {
    if (agentReady(host.arch)) return;
    // A compiler on the engine is an image on the same base: two builds of that at once would be one too many.
    if (!compilesHere(host.arch)) await images;
    await buildAgent(host.arch, progress);
  });
  const checkedAgent = Promise.all([tools, agent]).then(async () => {
    if (goal.testTools && compilesHere(host.arch)) await buildCheckedAgent(progress);
  });
  const steps = [machine, tools, code, images, agent, checkedAgent];
  try {
    await Promise.all(steps);
    return await machine;
  } catch (error) {
    // The other steps end before the error is told: nothing goes on behind it.
    stop.abort(error);
    await Promise.allSettled(steps);
    throw signal.reason;
  } finally {
    await rootfs?.remove();
  }
}

/**
 * @param {import('./setup/progress.mjs').Progress} progress
 * @param {AbortSignal} signal
 */
async function makeCode(progress, signal) {
  if (!dependenciesReady()) await installDependencies(progress, signal);
  if (!buildReady()) await build(progress, signal);
}

/** @param {import('./setup/progress.mjs').Progress} progress */
function reportMissingTools(progress) {
  const missing = missingTestPackages();
  if (missing.length > 0) progress.warn(`Not installed, so their tests are skipped: ${missing.join(', ')}`);
}

function checkNode() {
  const [major] = process.versions.node.split('.').map(Number);
  if (major < NODE_MAJOR) {
    throw new SetupError(`Node ${NODE_MAJOR} or newer is needed; this is ${process.version}.`, {
      hint: 'https://nodejs.org/en/download',
    });
  }
}

if (isMain(import.meta.url)) {
  try {
    const { values } = parseArgs({ options: { for: { type: 'string', default: 'start' } } });
    if (!Object.hasOwn(GOALS, values.for)) {
      throw new SetupError(`--for takes ${Object.keys(GOALS).join(', ')}; got '${values.for}'.`);
    }
    const { endpoint } = await setup({ goal: /** @type {import('./setup/goals.mjs').GoalName} */ (values.for) });
    console.log(`Everything is there. Engine: ${endpoint}`);
  } catch (error) {
    printError(error);
    process.exitCode ||= 1;
  }
}
