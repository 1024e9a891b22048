/** Options of the commands that can listen on a TCP port: `serve` and `mcp`. */
import type { Command } from 'commander';
import type { StartToken } from '../http/token-file.js';
import { hostPath } from '../sandbox/home-path.js';
import { note } from './failure.js';
import { collect, collectListen } from './parse.js';

export interface ListenFlags {
  listen?: { host: string; port: number };
  public?: boolean;
  tokenFile?: string;
  host?: string[];
}

/**
 * Adds the options to a command.
 * @param what Help text of `--listen`.
 */
export function addListenFlags(command: Command, what: string): Command {
  return command
    .option('--listen <[host:]port>', what, collectListen)
    .option('--public', 'allow an address that other machines can reach; put TLS in front of it')
    .option(
      '--token-file <path>',
      'file of the token, created if missing (default: next to the socket of ripcord serve)',
      hostPath,
    )
    .option(
      '--host <name>',
      'host name that clients use for this server, e.g. behind a reverse proxy; repeatable',
      collect,
    );
}

export function noteToken({ token, file, isNew }: StartToken): void {
  note(isNew ? `token (shown once, kept in ${file}): ${token}` : `token: in ${file}`);
}
