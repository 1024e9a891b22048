/** A process sandbox on the image's own files: namespaces and no capabilities, but no limits and no seccomp filter. */

import { installPackages, isDebianRoot } from '../../setup/debian.mjs';
import { findProgram } from '../../setup/paths.mjs';
import { createProgress } from '../../setup/progress.mjs';
import { runProcess } from './run-process.mjs';

export async function open({ imageRoot }) {
  if (!findProgram('bwrap')) {
    if (!isDebianRoot()) throw new Error('not installed, and this is not root on Debian');
    await installPackages(['bubblewrap'], createProgress());
  }
  const root = await imageRoot();
  const flags = [
    '--ro-bind', root, '/', '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/workspace',
    '--chdir', '/workspace', '--unshare-all', '--die-with-parent', '--new-session', '--clearenv',
    '--setenv', 'PATH', '/usr/local/bin:/usr/bin:/bin', '--uid', '1000', '--gid', '1000', '--cap-drop', 'ALL',
  ]; // biome-ignore format: a list
  const peer = {
    name: 'bubblewrap (a process)',
    version: (await runProcess('bwrap', ['--version'])).trim().split(' ').at(-1),
    kind: 'process',
    once: (argv, onOutput) => runProcess('bwrap', [...flags, '--', ...argv], { onOutput }),
  };
  await peer.once(['true']);
  return peer;
}
