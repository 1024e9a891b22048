/** The Unix socket: its default place, and the removal of one that a dead server left. */
import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { InvalidOptionsError } from '../base/errors.js';
import { closeStateRoot, openStateRoot, stateRoot } from '../cleanup/state-dir.js';

/** sockaddr_un(7): 108 bytes with the NUL. */
const MAX_PATH = 107;

/** The directory (0700) of the socket and the token: `$XDG_RUNTIME_DIR/ripcord`, else `server` in the state directory. */
export function serverDirectory(): string {
  if (!process.env.XDG_RUNTIME_DIR) openStateRoot(stateRoot());
  openStateRoot(place());
  return place();
}

/** Nothing of it stays where no token was kept. */
export function leaveServerDirectory(): void {
  closeStateRoot(place());
  if (!process.env.XDG_RUNTIME_DIR) closeStateRoot(stateRoot());
}

function place(): string {
  const { XDG_RUNTIME_DIR } = process.env;
  return XDG_RUNTIME_DIR ? path.join(XDG_RUNTIME_DIR, 'ripcord') : path.join(stateRoot(), 'server');
}

/** Where `ripcord serve` listens when it is told nothing. */
export const defaultSocket = (): string => path.join(place(), 'ripcord.sock');

/** @throws InvalidOptionsError if a server listens there, or the path is not a socket */
export async function clearStaleSocket(socket: string): Promise<void> {
  if (Buffer.byteLength(socket) > MAX_PATH) {
    throw new InvalidOptionsError(`server: the path of a Unix socket has at most ${MAX_PATH} bytes: ${socket}`);
  }
  const found = lstatSync(socket, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket()) throw new InvalidOptionsError(`server: ${socket} is there and is no socket`);
  if (await answers(socket)) throw new InvalidOptionsError(`server: somebody listens on ${socket} already`);
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
