#!/usr/bin/env node
import { ExitCode } from './exit-codes.js';
/** The `ripcord` command. */
import { describeFailure } from './failure.js';
import { runCli } from './program.js';

// Whatever is open then is removed by the watchdog and by the agents themselves: their pipes end with this process.
process.on('uncaughtException', (error) => {
  process.stderr.write(describeFailure(error));
  process.exit(ExitCode.RIPCORD);
});

const code = await runCli(process.argv.slice(2));

// Explicit, because a stdin that nobody closes would keep the process alive; only after what was written is out.
await Promise.all([flushed(process.stdout), flushed(process.stderr)]);
process.exit(code);

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableLength === 0) return resolve();
    stream.once('error', () => resolve());
    stream.write('', () => resolve());
  });
}
