/** Lints the Python files of the repository with ruff's WebAssembly build: no Python of this machine is needed. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PositionEncoding, Workspace } from '@astral-sh/ruff-wasm-nodejs';

/** Files that run as one program, in this order: a name of one is known in the next. `src/verify/python-programs.ts` joins them. */
const JUDGE = ['wire', 'proxies', 'imports', 'suites', 'pytest_runs', 'judge'].map(
  (name) => `sandbox-images/judge/${name}.py`,
);
const CANDIDATE = ['wire', 'candidate'].map((name) => `sandbox-images/judge/${name}.py`);

const SETTINGS = {
  'line-length': 150,
  'target-version': 'py39',
  lint: {
    // Pycodestyle, pyflakes, bugbear, comprehensions, returns, simplifications.
    select: ['E', 'F', 'W', 'B', 'C4', 'PIE', 'RET', 'SIM'],
    // None of the findings of these rules was a fault: handlers of http.server may return, and files are closed when the judge's process ends.
    ignore: ['E401', 'E402', 'E731', 'SIM105', 'SIM115', 'SIM905', 'RET503'],
  },
};

/**
 * @returns {string[]} a line for each problem: the file, the line and the rule
 */
export function pythonProblems() {
  const workspace = new Workspace(SETTINGS, PositionEncoding.Utf16);
  const inPrograms = new Set([...JUDGE, ...CANDIDATE]);
  const alone = ['sandbox-images', 'test', 'scripts', 'examples', 'docs']
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
    )
    .filter((file) => file.endsWith('.py') && !inPrograms.has(file))
    .map((file) => [file]);
  const problems = [JUDGE, CANDIDATE, ...alone].flatMap((files) => programProblems(workspace, files));
  return [...new Set(problems)];
}

/** @param {Workspace} workspace @param {string[]} files */
function programProblems(workspace, files) {
  const lines = files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .replace(/\n$/, '')
      .split('\n')
      .map((text, index) => ({ text, at: `${path.normalize(file)}:${index + 1}` })),
  );
  return workspace.check(`${lines.map(({ text }) => text).join('\n')}\n`).map(
    /** @param {import('@astral-sh/ruff-wasm-nodejs').Diagnostic} problem */
    ({ code, message, start_location: { row } }) => `${lines[row - 1]?.at}: ${message} (${code ?? 'syntax'})`,
  );
}
