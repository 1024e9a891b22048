#!/usr/bin/env node
import { ExitCode } from './exit-codes.js';
/** Runs the `ripcord` command. */
import { describeFailure } from './failure.js';
import { runCli } from './program.js';

// The watchdog and the agents remove sandboxes that are still open, because their pipes end with this process.
process.on('uncaughtException', (error) => {
  process.stderr.write(describeFailure(error));
  process.exit(ExitCode.RIPCORD);
});

const code = await runCli(process.argv.slice(2));

// Exit explicitly: an open stdin would keep the process alive. Flush stdout and stderr first.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
