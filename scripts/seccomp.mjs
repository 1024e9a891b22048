#!/usr/bin/env node
// Writes sandbox-images/seccomp.json, the system calls of a sandbox, from the default profile of moby.
//
//   node scripts/seccomp.mjs                       from upstream's main branch
//   node scripts/seccomp.mjs --commit 190fa92…     from that commit
//   node scripts/seccomp.mjs default.json --commit 190fa92…   from a file that was fetched before
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deriveProfile } from './seccomp/derive.mjs';
import { inProject } from './setup/paths.mjs';
import { printError, SetupError } from './setup/setup-error.mjs';

const REPOSITORY = 'moby/profiles';
const FILE = 'seccomp/default.json';
const TARGET = inProject('sandbox-images', 'seccomp.json');

/** @param {string} url */
async function download(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(30_000) }).catch((cause) => {
    throw new SetupError(`${url} cannot be reached: ${cause.cause?.message ?? cause.message}`, {
      hint: 'Fetch it elsewhere and give its path: node scripts/seccomp.mjs default.json --commit …',
      cause,
    });
  });
  if (!response.ok) throw new SetupError(`${url} answered ${response.status} ${response.statusText}`);
  return response.text();
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SetupError(`The upstream profile cannot be read: ${/** @type {Error} */ (cause).message}`, { cause });
  }
}

/** @param {string} text @param {string} from @returns {import('./seccomp/derive.mjs').Profile} */
function parse(text, from) {
  let profile;
  try {
    profile = JSON.parse(text);
  } catch (cause) {
    throw new SetupError(`${from} is not JSON: ${/** @type {Error} */ (cause).message}`, { cause });
  }
  for (const field of ['syscalls', 'archMap']) {
    if (!Array.isArray(profile?.[field]))
      throw new SetupError(`${from} is no seccomp profile: it has no list '${field}'`);
  }
  return profile;
}

try {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { commit: { type: 'string' } } });
  const [file] = positionals;
  const source = `https://raw.githubusercontent.com/${REPOSITORY}/${values.commit ?? 'main'}/${FILE}`;
  const text = file === undefined ? await download(source) : read(file);
  const profile = deriveProfile(parse(text, file ?? source), {
    source: `https://github.com/${REPOSITORY}/blob/${values.commit ?? 'main'}/${FILE}`,
    sha256: createHash('sha256').update(text).digest('hex'),
  });
  writeFileSync(TARGET, `${JSON.stringify(profile, null, 2)}\n`);
  const removed = Object.keys(profile.removed).length;
  console.log(
    `${path.relative(process.cwd(), TARGET)}: ${profile.syscalls.length} rules; calls refused that upstream knows: ${removed}`,
  );
} catch (error) {
  printError(error);
  process.exitCode = 1;
}
