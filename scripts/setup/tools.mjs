/** The programs a goal needs beside Node and an engine, by the Debian package that has each. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isDebian } from './debian.mjs';
import { findProgram } from './paths.mjs';

/** Tools of some tests. If one is missing, its tests are skipped and report why. */
const TEST_TOOLS = {
  clang: 'clang',
  'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
  'qemu-aarch64': 'qemu-user',
  runsc: 'runsc',
  sshd: 'openssh-server',
  ssh: 'openssh-client',
  ps: 'procps',
  git: 'git',
  chromium: 'chromium',
};

/** Packages without a program to look for. Elsewhere they come with the compilers. */
const DEBIAN_LIBRARIES = ['libc6-dev-arm64-cross', 'libclang-rt-dev'];

/** Packages that compile the agent. */
export const COMPILER_PACKAGES = ['gcc', 'libc6-dev'];

/** Whether a C compiler is here that can link a static program. */
export function compilerPresent() {
  const compiler = findProgram('gcc') ?? findProgram('cc');
  if (!compiler) return false;
  try {
    // A compiler that has the library prints its path, one that has not prints the bare name.
    const library = execFileSync(compiler, ['-print-file-name=libc.a'], { encoding: 'utf8', timeout: 5000 }).trim();
    return existsSync(library);
  } catch {
    return false;
  }
}

/** @returns {string[]} the Debian packages of the test tools that are missing */
export function missingTestPackages() {
  const programs = Object.entries(TEST_TOOLS).filter(([program]) => !findProgram(program));
  const libraries = isDebian() ? DEBIAN_LIBRARIES.filter((name) => !existsSync(`/var/lib/dpkg/info/${name}.list`)) : [];
  return [...programs.map(([, name]) => name), ...libraries];
}
