/** No sandbox at all, but the very python and libraries of the image: a child process below the image's files. */
import { runProcess } from './run-process.mjs';

export async function open({ imageRoot }) {
  if (process.getuid?.() !== 0) throw new Error('chroot needs root');
  const root = await imageRoot();
  const once = (argv, onOutput) => runProcess('chroot', [root, ...argv], { onOutput });
  return {
    name: "plain subprocess, the image's python",
    version: (await once(['python3', '--version'])).trim().split(' ')[1],
    kind: 'bare',
    once,
  };
}
