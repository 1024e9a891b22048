/** Checks the hosts of `--allow`. A value that may be a file is refused: it would let the sandbox reach a host of that name. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { InvalidOptionsError } from '../../base/errors.js';

/** Endings of files that are, or may become, top-level domains (IANA's list, tlds-alpha-by-domain.txt). */
const FILE_ENDINGS = new Set(
  (
    'sh bash zsh fish ksh csh py pyw pl pm rb rs go js mjs cjs ts mts cts jsx tsx java kt lua tcl ps ps1 psm1 bat cmd exe app run ' +
    'zip tar gz tgz xz bz bz2 jar war md txt rst json jsonc toml yaml yml xml ini cfg conf cnf lock mk mak make cmake gradle ' +
    'c cc cpp h hh hpp m mm ml so o a ko dll dylib ac am tf nix cs vb sql css html htm svg csv log env mod sum cab mov service'
  ).split(' '),
);

/**
 * Checks the values of `--allow`.
 * @param out Directory of `--out`; undefined if no files are written.
 * @throws InvalidOptionsError with the option for a file, and the one for a host
 */
export function checkHosts(hosts: readonly string[], { out, seed }: { out?: string; seed?: string }): void {
  for (const host of hosts) {
    if (isPath(host)) {
      throw new InvalidOptionsError(`--allow lists hosts, and ${host} is a path`, {
        hint: `--allow-file ${host} writes such a file with --out.`,
      });
    }
    if (out === undefined || !mayBeFile(host, [out, seed ?? '.'])) continue;
    throw new InvalidOptionsError(`--allow ${host}: a host or a file?`, {
      hint: `For the file: --allow-file ${host}. For the host, with its port: --allow ${host}:443.`,
    });
  }
}

/** Returns true for a path. A host has neither a slash nor a leading dot, except in `10.0.0.0/8` and `[fd00::/8]`. */
const isPath = (value: string): boolean => !value.includes('://') && /^[./!]|\/(?!\d{1,3}(?:\]|:|$))/.test(value);

function mayBeFile(host: string, directories: readonly string[]): boolean {
  // `@npm` is a keyword. An address has a colon or ends in a number, and so does a host with a port.
  if (host.startsWith('@') || /\d$|[:/]/.test(host) || host === 'localhost') return false;
  const ending = host.slice(host.lastIndexOf('.') + 1).toLowerCase();
  if (ending === host.toLowerCase() || FILE_ENDINGS.has(ending)) return true;
  return directories.some((directory) => existsSync(path.join(directory, host)));
}
