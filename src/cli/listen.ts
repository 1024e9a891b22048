/** The options of what can listen on a TCP port: `serve` and `mcp`. */
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

/** @param what Of `--listen`: what is served there. */
export function addListenFlags(command: Command, what: string): Command {
  return command
    .option('--listen <[host:]port>', what, collectListen)
    .option('--public', 'listen on an address that other machines reach; put TLS in front of it')
    .option(
      '--token-file <path>',
      'the token, made if it is missing (default: beside the socket of ripcord serve)',
      hostPath,
    )
    .option('--host <name>', 'a name this server is called by, e.g. behind a reverse proxy; repeatable', collect);
}

export function noteToken({ token, file, isNew }: StartToken): void {
  note(isNew ? `token (shown once, kept in ${file}): ${token}` : `token: in ${file}`);
}
