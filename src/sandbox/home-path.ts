/**
 * Expands `~` on command lines and in models' arguments. No shell expands it in `--out=~/x` or in a tool's path, and a
 * caller does not want a directory named `~`. The library itself takes paths as they are.
 */
import { homedir } from 'node:os';
import type { Sandbox } from './sandbox.js';

/** `./~` still names what is called so. */
const fromHome = (path: string, home: string): string => path.replace(/^~(?=\/|$)/, () => home);

/** A path of this machine: `~` and `~/x` are in the home directory of its user. */
export const hostPath = (path: string): string => fromHome(path, homedir());

/** A path in the sandbox: `~` and `~/x` are in its HOME. */
export const sandboxPath = (sandbox: Sandbox, path: string): string => fromHome(path, sandbox.home);
