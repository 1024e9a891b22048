/** Reads the program of `run` and determines its language. */
import { readFile, stat } from 'node:fs/promises';
import { basename, isAbsolute, posix, relative, resolve, sep } from 'node:path';
import { text } from 'node:stream/consumers';
import { abortable } from '../../base/abort.js';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import { errnoOf } from '../../base/host-error.js';
import type { Language } from '../../command/language-names.js';
import { languageNamed } from '../../command/language-names.js';
import { LANGUAGE_OF_IMAGE } from '../../command/languages.js';

export interface ProgramSource {
  content: string | Uint8Array;
  /** Path in the workspace; `undefined` for a program without a file. */
  path: string | undefined;
  /** Language of the program; `undefined` if the file is executed directly, by its #! line. */
  language: Language | undefined;
  /** Permissions in the sandbox: executable if the file is executable here, or is executed directly. */
  mode: number;
  /** True if the file is executable on this machine. */
  isExecutable: boolean;
  /** True if the program was read from stdin: the program itself then gets no input. */
  fromStdin: boolean;
}

export interface SourceFlags {
  code?: string;
  lang?: string;
  image?: string;
  seed?: string;
}

const BY_IMAGE: Record<string, Language> = { ...LANGUAGE_OF_IMAGE, python: 'python', agent: 'python', base: 'bash' };

/** Reads the program: `-c`, a file, or `-` for stdin. */
export async function readSource(
  file: string | undefined,
  flags: SourceFlags,
  signal: AbortSignal,
): Promise<ProgramSource> {
  const given = flags.lang === undefined ? undefined : languageOfFlag(flags.lang);
  const byImage = BY_IMAGE[flags.image ?? ''];
  if (flags.code !== undefined) {
    return { ...NO_FILE, content: flags.code, language: given ?? byImage ?? 'python' };
  }
  if (file === undefined) {
    throw new InvalidOptionsError('run: nothing to run', { hint: "Give a file, - for stdin, or -c 'code'." });
  }
  if (file === '-') {
    const content = await abortable(text(process.stdin), signal, 'reading the program');
    const language = given ?? languageOfShebang(content) ?? byImage ?? 'python';
    return { ...NO_FILE, content, language, fromStdin: true };
  }
  const { content, isExecutable } = await readProgram(file);
  const byName = given ?? languageNamed(/\.([a-z]+)$/i.exec(file)?.[1] ?? '');
  const language = byName ?? byContent(file, content, flags);
  const mode = isExecutable || language === undefined ? 0o755 : 0o644;
  return { content, path: placeOf(file, flags.seed), language, mode, isExecutable, fromStdin: false };
}

const NO_FILE = { path: undefined, mode: 0o644, isExecutable: false, fromStdin: false };

async function readProgram(file: string): Promise<{ content: Buffer; isExecutable: boolean }> {
  try {
    const { mode } = await stat(file);
    return { content: await readFile(file), isExecutable: (mode & 0o100) !== 0 };
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EISDIR') {
      throw new InvalidOptionsError(`run: ${file} is a directory`, {
        cause: error,
        hint: `Name the program: ripcord run ${posix.join(file, 'main.py')} --seed ${file} runs it on a copy of the directory.`,
      });
    }
    const reason = errno === 'ENOENT' ? 'there is no such file' : messageOf(error);
    throw new InvalidOptionsError(`run: cannot read ${file}: ${reason}`, { cause: error });
  }
}

function byContent(file: string, content: Buffer, flags: SourceFlags): Language | undefined {
  const start = content.subarray(0, 256).toString('latin1');
  const language = languageOfShebang(start);
  if (language !== undefined) return language;
  // The user chose the image, so it should have the interpreter that the first line names.
  if (start.startsWith('#!') && flags.image !== undefined) return undefined;
  const byImage = BY_IMAGE[flags.image ?? ''];
  if (byImage !== undefined) return byImage;
  throw new InvalidOptionsError(`run: cannot tell the language of ${file}`, {
    hint: 'Name it: --lang python, javascript, typescript or bash. Or name an --image for a file that begins with #!.',
  });
}

/** Returns the language that a line such as `#!/usr/bin/env python3` names. */
function languageOfShebang(content: string): Language | undefined {
  const line = /^#!\s*(?:\S*\/env\s+(?:-\S+\s+)*)?(\S+)/.exec(content);
  return line ? languageNamed(basename(line[1]!).replace(/[\d.]+$/, '')) : undefined;
}

function languageOfFlag(name: string): Language {
  const language = languageNamed(name);
  if (language) return language;
  throw new InvalidOptionsError(`run: unknown language '${name}'`, {
    hint: 'There are: python, javascript, typescript, bash.',
  });
}

/** Returns the path in the workspace: for a file of the seed its path there, so that it finds its neighbours; else its name alone. */
function placeOf(file: string, seed: string | undefined): string {
  if (seed !== undefined) {
    const inside = relative(resolve(seed), resolve(file));
    if (inside !== '' && !isAbsolute(inside) && inside.split(sep)[0] !== '..') return inside.split(sep).join('/');
  }
  return basename(file);
}
