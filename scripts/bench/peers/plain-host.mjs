/** No sandbox at all: a child process with this machine's own python. */
import { existsSync } from 'node:fs';
import { findProgram } from '../../setup/paths.mjs';
import { runProcess } from './run-process.mjs';

/** Debian's, as the image's: another one first in the PATH may be a wrapper script. */
const DEBIANS = '/usr/bin/python3';

export async function open() {
  const python = existsSync(DEBIANS) ? DEBIANS : findProgram('python3');
  if (!python) throw new Error('no python3 on this machine');
  const version = (await runProcess(python, ['--version'])).trim().split(' ')[1];
  return {
    name: 'plain subprocess',
    version: `${python} ${version}`,
    kind: 'bare',
    once: ([command, ...args], onOutput) => runProcess(command === 'python3' ? python : command, args, { onOutput }),
  };
}
