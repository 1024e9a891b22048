#!/usr/bin/env node
// Builds the sandbox agent (sandbox-images/agent) and what goes with it, with the system's C compiler, when the sources
// have changed.
//
//   node scripts/build-agent.mjs                  for this machine
//   node scripts/build-agent.mjs --arch arm64     cross, with aarch64-linux-gnu-gcc
//   node scripts/build-agent.mjs --sanitize       ASan + UBSan, for the tests
//   node scripts/build-agent.mjs --fuzz           the libFuzzer target, with clang
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { filterHeader } from './seccomp/filter.mjs';

const run = promisify(execFile);
const agentDir = fileURLToPath(new URL('../sandbox-images/agent/', import.meta.url));
const buildDir = join(agentDir, 'build');
const profile = fileURLToPath(new URL('../sandbox-images/seccomp.json', import.meta.url));
/** Generated header; session/call-filter.c includes it. */
const filterFile = join(buildDir, 'call-filter.h');

const ARCHES = {
  x64: { cross: 'x86_64-linux-gnu-gcc', packages: 'gcc-x86-64-linux-gnu libc6-dev-amd64-cross' },
  arm64: { cross: 'aarch64-linux-gnu-gcc', packages: 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross' },
};

const COMMON = ['-std=c11', '-Wall', '-Wextra', '-Werror', '-fstack-protector-strong'];
const RELEASE = ['-O2', '-D_FORTIFY_SOURCE=2', '-static', '-s', '-ffunction-sections', '-Wl,--gc-sections'];
const SANITIZE = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
/** Without any library: sandbox-images/agent/warm/native.c says why. What it does not call is left out. */
const LIBRARY = [
  ...['-O2', '-fPIC', '-shared', '-nostdlib', '-fvisibility=hidden', '-fno-stack-protector', '-s'],
  ...['-ffunction-sections', '-Wl,--gc-sections'],
];
const FUZZ = ['-O1', '-g', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];

/** Returns the sources, the compiler and its flags. */
function plan({ arch, sanitize, fuzz, library }) {
  const host = process.arch;
  const target = ARCHES[arch];
  if (!target) throw new Error(`Unknown --arch ${arch}: the agent is built for ${Object.keys(ARCHES).join(' and ')}.`);
  if (fuzz)
    return {
      name: `agent-${arch}-fuzz`,
      compiler: 'clang',
      flags: [...COMMON, ...FUZZ],
      packages: 'clang libclang-rt-14-dev',
      fuzz,
    };
  const native = arch === host && process.platform === 'linux';
  const compiler = native ? (process.env.CC ?? 'cc') : target.cross;
  const packages = native ? 'gcc libc6-dev' : target.packages;
  if (library) return { name: `warm-${arch}.so`, compiler, flags: [...COMMON, ...LIBRARY], packages, library };
  if (sanitize) return { name: `agent-${arch}-asan`, compiler, flags: [...COMMON, ...SANITIZE], packages };
  return { name: `agent-${arch}`, compiler, flags: [...COMMON, ...RELEASE], packages };
}

/** The filter of system calls, made of the profile. Renamed into place: another build may be reading it. */
async function writeFilter() {
  const text = filterHeader(JSON.parse(await readFile(profile, 'utf8')));
  if ((await textOf(filterFile)) === text) return;
  await mkdir(buildDir, { recursive: true });
  const fresh = `${filterFile}.${process.pid}`;
  await writeFile(fresh, text);
  await rename(fresh, filterFile);
}

/** Folders whose files belong to one build only, and the build's own output. */
const APART = /^(warm|fuzz|build)[/\\]/;
/** The agent's files that the library is linked with. */
const SHARED_WITH_LIBRARY = ['turn.c', 'user.c', 'util.c'].map((name) => join('base', name));

async function sourcesOf({ fuzz, library }) {
  if (!library) await writeFilter();
  const all = (await readdir(agentDir, { recursive: true })).filter((name) => /\.[ch]$/.test(name));
  const belongs = (name) => {
    const folder = APART.exec(name)?.[1];
    if (folder !== undefined) return (folder === 'warm' && library) || (folder === 'fuzz' && fuzz);
    return !library || name.endsWith('.h') || SHARED_WITH_LIBRARY.includes(name);
  };
  return all
    .filter(belongs)
    .map((name) => join(agentDir, name))
    .concat(library ? [] : filterFile)
    .sort();
}

async function hashOf(files, { compiler, flags }) {
  const hash = createHash('sha256').update(JSON.stringify([compiler, flags]));
  for (const file of files) hash.update(file.slice(agentDir.length)).update(await readFile(file));
  return hash.digest('hex');
}

async function compile(output, files, { compiler, flags, packages, fuzz }, build, compileElsewhere) {
  const units = files.filter((file) => file.endsWith('.c') && !(fuzz && file === join(agentDir, 'main.c')));
  const args = [...flags, `-DAGENT_BUILD="${build}"`, '-I', agentDir, ...units];
  if (compileElsewhere) {
    await writeFile(output, await compileElsewhere(agentDir, args), { mode: 0o755 });
    return;
  }
  try {
    await run(compiler, [...args, '-o', output], { maxBuffer: 16 << 20 });
  } catch (error) {
    if (error.code === 'ENOENT') {
      throw new Error(`The C compiler ${compiler} is missing. On Debian or Ubuntu: apt-get install ${packages}`, {
        cause: error,
      });
    }
    throw new Error(`${compiler} could not build the agent:\n${error.stderr || error.message}`, { cause: error });
  }
}

const textOf = (file) => readFile(file, 'utf8').catch(() => '');
const exists = (file) =>
  stat(file).then(
    () => true,
    () => false,
  );

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** Half-made binaries of builds that were killed. */
async function removeAbandoned(name) {
  for (const file of await readdir(buildDir)) {
    const pid = file.startsWith(`${name}.`) && /^\d+$/.exec(file.slice(name.length + 1))?.[0];
    if (pid && !isAlive(Number(pid))) await rm(join(buildDir, file), { force: true });
  }
}

/**
 * Builds the agent, and the library for its warm interpreters, unless they are up to date.
 * @param {object} [options]
 * @param {'x64' | 'arm64'} [options.arch]
 * @param {boolean} [options.quiet]
 * @param {boolean} [options.sanitize] of the agent; there is but one kind of library
 * @param {boolean} [options.fuzz] the fuzz target alone
 * @param {(directory: string, args: string[]) => Promise<Buffer>} [options.compileElsewhere] compiles the sources of that
 *   directory with a native compiler of another machine, if this one does not have a compiler
 * @returns {Promise<string>} the path of the binary
 */
export async function buildAgent({
  arch = process.arch,
  quiet = false,
  sanitize = false,
  fuzz = false,
  compileElsewhere,
} = {}) {
  const binary = await build(plan({ arch, sanitize, fuzz }), quiet, compileElsewhere);
  if (!fuzz) await build(plan({ arch, library: true }), quiet, compileElsewhere);
  return binary;
}

async function build(what, quiet, compileElsewhere) {
  const files = await sourcesOf(what);
  const hash = await hashOf(files, what);
  const output = join(buildDir, what.name);
  const say = (line) => quiet || console.log(line);

  if ((await exists(output)) && (await textOf(`${output}.hash`)) === hash) {
    say(`${what.name} is up to date (${hash.slice(0, 12)})`);
    return output;
  }
  await mkdir(buildDir, { recursive: true });
  // The file is built beside and renamed, because the old one may be running, and another build may be under way.
  const fresh = `${output}.${process.pid}`;
  try {
    await compile(fresh, files, what, hash.slice(0, 12), compileElsewhere);
    await rename(fresh, output);
  } finally {
    await rm(fresh, { force: true });
  }
  await removeAbandoned(what.name);
  await writeFile(`${output}.hash`, hash);
  say(`${what.name} built with ${what.compiler} (${hash.slice(0, 12)}, ${(await stat(output)).size} bytes)`);
  return output;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({
    options: {
      arch: { type: 'string' },
      sanitize: { type: 'boolean' },
      fuzz: { type: 'boolean' },
      quiet: { type: 'boolean' },
    },
  });
  try {
    await buildAgent({ ...values, arch: values.arch ?? process.arch });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
