/** `npm start`: makes the checkout ready, then runs the main job with the arguments it was given. */

import { printError } from './setup/setup-error.mjs';
import { setup } from './setup.mjs';

try {
  await setup({ goal: 'start' });
  // In this process, not in a child: signals and the terminal are the job's own.
  const { runCli } = await import('../dist/cli/program.js');
  process.exitCode = await runCli(['tournament', ...process.argv.slice(2)]);
} catch (error) {
  printError(error);
  process.exitCode ||= 1;
}
