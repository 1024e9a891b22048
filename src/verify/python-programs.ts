/** The Python programs of an isolated test run, from `sandbox-images/judge`. */
import { readFileSync } from 'node:fs';
import { packageFile } from '../base/package-files.js';

interface Programs {
  /** Reads another program from stdin and runs it, because a command line could not hold it. */
  boot: string;
  /** Holds the tests and judges. */
  judge: Buffer;
  /** Imports the code under test. */
  candidate: Buffer;
}

/**
 * The files of each process, in the order in which they run. They form one program, because they cannot be imported
 * there.
 */
const JUDGE = ['wire', 'proxies', 'imports', 'suites', 'pytest_runs', 'judge'];
const CANDIDATE = ['wire', 'candidate'];

let programs: Programs | undefined;

/** @throws RipcordError `package-incomplete` if a bundler separated the code from its files */
export function pythonPrograms(): Programs {
  programs ??= { boot: joined(['boot']).toString(), judge: joined(JUDGE), candidate: joined(CANDIDATE) };
  return programs;
}

const joined = (names: string[]): Buffer =>
  Buffer.concat(names.map((name) => readFileSync(packageFile(`sandbox-images/judge/${name}.py`))));
