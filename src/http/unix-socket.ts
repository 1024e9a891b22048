/** The Unix socket of a server: its default path, and the removal of one that a dead server left. */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { InvalidOptionsError } from '../base/errors.js';
import { closeStateRoot, openStateRoot, stateRoot } from '../cleanup/state-dir.js';

/** Maximum length of a socket path in bytes: 108 with the NUL (unix(7), sockaddr_un). */
const MAX_PATH = 107;

/**
 * Opens the directory (mode 0700) of the socket and the token and returns its path: `$XDG_RUNTIME_DIR/ripcord`, else
 * `server` in the state directory.
 */
export function serverDirectory(): string {
  if (!process.env.XDG_RUNTIME_DIR) openStateRoot(stateRoot());
  openStateRoot(place());
  return place();
}

/** Removes the server directory if it is empty. */
export function leaveServerDirectory(): void {
  closeStateRoot(place());
  if (!process.env.XDG_RUNTIME_DIR) closeStateRoot(stateRoot());
}

function place(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR ? path.join(XDG_RUNTIME_DIR, 'ripcord') : path.join(stateRoot(), 'server');
}

/** Returns the default socket of `ripcord serve`. */
export const defaultSocket = (): string => path.join(place(), 'ripcord.sock');

/** @throws InvalidOptionsError if a server listens there, or the path is not a socket */
export async function clearStaleSocket(socket: string): Promise<void> {
  if (Buffer.byteLength(socket) > MAX_PATH) {
    throw new InvalidOptionsError(`server: the path of a Unix socket has at most ${MAX_PATH} bytes: ${socket}`);
  }
  const found = lstatSync(socket, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new InvalidOptionsError(`server: ${socket} exists and is not a socket`);
  if (await answers(socket)) throw new InvalidOptionsError(`server: another server already listens on ${socket}`);
  unlinkSync(socket);
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    connection.once('connect', () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
