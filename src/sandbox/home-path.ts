/**
 * Expands `~` on command lines and in models' arguments. Shells do not expand it in `--out=~/x` or in a tool's path,
 * and a caller does not want a directory named `~`. The library itself does not expand `~`.
 */
import { homedir } from 'node:os';
import type { Sandbox } from './sandbox.js';

/** Replaces a leading `~`. `./~` still names a file called `~`. */
const fromHome = (path: string, home: string): string => path.replace(/^~(?=\/|$)/, () => home);

/** Returns a path of the host: `~` and `~/x` are in the home directory of the user of this process. */
export const hostPath = (path: string): string => fromHome(path, homedir());

/** Returns a path in the sandbox: `~` and `~/x` are in its HOME. */
export const sandboxPath = (sandbox: Sandbox, path: string): string => fromHome(path, sandbox.home);
