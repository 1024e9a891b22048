/** `npm run engine:status`, `engine:start`, `engine:stop`: the Docker engine of this machine. */
import { findEngine } from './setup/engine.mjs';
import { engineInstalled, ownEngine, startEngine, stopOwnEngine } from './setup/engine-start.mjs';
import { noEngineError } from './setup/no-engine.mjs';
import { createProgress } from './setup/progress.mjs';
import { printError, SetupError } from './setup/setup-error.mjs';

const commands = {
  async status() {
    const { engine, failures } = await findEngine();
    if (!engine) throw noEngineError(failures, { installed: engineInstalled() });
    const own = ownEngine();
    console.log(`An engine answers at ${engine.endpoint} (${engine.source}).`);
    if (own) console.log(`The set-up started it: process ${own.pid}, log ${own.log}.`);
  },

  async start() {
    const { engine, failures } = await findEngine();
    if (!engine) {
      const allowed = !process.env.DOCKER_HOST && process.getuid?.() === 0 && engineInstalled();
      if (!allowed) throw noEngineError(failures, { installed: engineInstalled() });
      await startEngine(createProgress());
    }
    await commands.status();
  },

  async stop() {
    const stopped = await stopOwnEngine();
    console.log(stopped ? 'The engine has stopped.' : 'The set-up started no engine that still runs: nothing to stop.');
  },
};

const [name = 'status'] = process.argv.slice(2);
try {
  if (!Object.hasOwn(commands, name)) {
    throw new SetupError(`Unknown command '${name}'.`, { hint: 'usage: node scripts/engine.mjs status|start|stop' });
  }
  await commands[/** @type {keyof typeof commands} */ (name)]();
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
