/** A sandbox's way to the package registries this machine is set up with, and to nothing else. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { NetworkOptions } from 'ripcord-sandbox';

/** @param entry a word of an allow-list; where npm here trusts an authority of its own, the sandbox does, too */
export function packageAccess(entry: '@npm' | '@pip'): NetworkOptions {
  const file = execFileSync('npm', ['config', 'get', 'cafile'], { encoding: 'utf8' }).trim();
  return { allow: [entry], ...(file !== 'null' && file !== '' && { ca: readFileSync(file, 'utf8') }) };
}
