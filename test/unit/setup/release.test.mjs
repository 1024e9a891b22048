/** The parts of `npm run release:check` find what is wrong with a package, and name it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sectionOf, tagProblems } from '../../../scripts/release/changelog.mjs';
import { CHECKS } from '../../../scripts/release/checks.mjs';
import { importing, typeErrors } from '../../../scripts/release/compile.mjs';
import { publintProblems, typesProblems } from '../../../scripts/release/lints.mjs';
import { PACKAGE, Project } from '../../../scripts/release/project.mjs';

/** @type {string} */
let directory;
beforeEach(() => {
  directory = mkdtempSync(path.join(os.tmpdir(), 'ripcord-test-release-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/**
 * Writes the files of a package.
 * @param {string} place
 * @param {Record<string, string>} files
 * @param {object} [manifest] added to package.json
 */
function writePackage(place, files, manifest = {}) {
  const json = { name: PACKAGE, version: '1.2.3', license: 'MIT', type: 'module', ...manifest };
  for (const [name, text] of Object.entries({ 'package.json': JSON.stringify(json), ...files })) {
    mkdirSync(path.dirname(path.join(place, name)), { recursive: true });
    writeFileSync(path.join(place, name), text);
  }
}

/** @type {typeof writePackage extends (place: string, ...rest: infer Rest) => void ? (...rest: Rest) => string : never} */
function pack(...contents) {
  writePackage(path.join(directory, 'package'), ...contents);
  const file = path.join(directory, 'package.tgz');
  execFileSync('tar', ['-czf', file, '-C', directory, 'package']);
  return file;
}

const GOOD = { 'index.js': 'export const one = 1\n', 'index.d.ts': 'export declare const one: 1\n' };
const EXPORTS = {
  main: './index.js',
  types: './index.d.ts',
  exports: { '.': { types: './index.d.ts', default: './index.js' } },
};

describe('publint', () => {
  test('finds nothing wrong with a package as it should be', async () => {
    expect(await publintProblems(pack(GOOD, EXPORTS))).toEqual([]);
  });

  test('names the file that package.json promises and the package does not have', async () => {
    const { 'index.d.ts': _, ...files } = GOOD;
    const problems = await publintProblems(pack(files, EXPORTS));
    expect(problems).toContainEqual(expect.stringMatching(/^error: .*index\.d\.ts.*does not exist/));
  });
});

describe('are-the-types-wrong', () => {
  test('finds nothing wrong with an ES module that CommonJS can require', async () => {
    expect(await typesProblems(pack(GOOD, EXPORTS))).toEqual([]);
  });

  test('names the entry whose types are missing', async () => {
    const exports = { ...EXPORTS.exports, './more': './more.js' };
    const problems = await typesProblems(
      pack({ ...GOOD, 'more.js': 'export const two = 2\n' }, { ...EXPORTS, exports }),
    );
    expect(problems).toContainEqual(expect.stringMatching(/^\.\/more \(node16-esm\): Could not find types\. /));
  });

  test('says that there are no types at all', async () => {
    expect(await typesProblems(pack({ 'index.js': '' }, { exports: './index.js' }))).toEqual([
      'The package has no types.',
    ]);
  });
});

describe('the check of', () => {
  const { signal } = new AbortController();
  /**
   * Runs the checks with such a title on a project that has this package installed.
   * @param {RegExp} title
   * @param {Parameters<typeof writePackage>[1]} files
   * @param {object} [manifest]
   */
  async function problemsOf(title, files, manifest) {
    const project = new Project(path.join(directory, 'project'));
    writePackage(project.installed(), files, manifest);
    const checks = CHECKS.filter((check) => title.test(check.title));
    expect(checks).toHaveLength(1);
    return await checks[0]?.problems({ file: '', project, signal });
  }

  test('the agents names those that are missing', async () => {
    const there = { 'sandbox-images/agent/build/agent-x64': '', 'sandbox-images/agent/build/warm-x64.so': '' };
    expect(await problemsOf(/agents/, there)).toEqual([
      expect.stringContaining('agent-arm64 is missing'),
      expect.stringContaining('warm-arm64.so is missing'),
    ]);
  });

  test.each([/^an ES module imports/, /^CommonJS requires/])(
    '%s names an entry that exports nothing',
    async (title) => {
      const exports = { '.': './index.js', './client': './client.js' };
      const problems = await problemsOf(title, { 'index.js': GOOD['index.js'], 'client.js': '' }, { exports });
      expect(problems).toEqual(['ripcord-sandbox/client exports nothing.']);
    },
  );

  test.each([/^an ES module imports/, /^CommonJS requires/])('%s fails with the error of Node', async (title) => {
    const files = { 'index.js': "export * from 'a-package-that-is-not-here'\n" };
    const error = await problemsOf(title, files, { exports: { '.': './index.js' } }).catch((reason) => reason);
    expect(error.tail.join('\n')).toContain("Cannot find package 'a-package-that-is-not-here'");
  });
});

describe('compiling', () => {
  test('reports the errors in the types of the package, and in the program', async () => {
    const types = { ...GOOD, 'index.d.ts': 'export declare const one: Missing\n' };
    writePackage(path.join(directory, 'node_modules', PACKAGE), types, EXPORTS);
    const errors = await typeErrors(directory, { 'use.mts': `${importing([PACKAGE])}entry0.two\n` });
    expect(errors).toEqual([
      expect.stringMatching(/index\.d\.ts.*Cannot find name 'Missing'/),
      expect.stringMatching(/^use\.mts.*Property 'two' does not exist/),
    ]);
  });

  test('takes no compiler that cannot run for one without errors', async () => {
    const compiling = typeErrors(directory, { 'use.mts': '' }, {}, path.join(directory, 'no-such-compiler'));
    await expect(compiling).rejects.toThrow('no-such-compiler');
  });
});

describe('the changelog', () => {
  const changelog =
    '# Changelog\n\n## Unreleased\n\n- a\n\n## [1.10.0] - 2026-12-01\n\n### Added\n- b\n\n## 1.1.0\n- c\n\n## 1.0.0\n';

  test('is cut into versions', () => {
    expect(sectionOf(changelog, '1.10.0')).toBe('### Added\n- b');
    expect(sectionOf(changelog, '1.1.0')).toBe('- c');
    expect(sectionOf(changelog, '1.0.0')).toBe('');
    expect(sectionOf(changelog, '1')).toBeUndefined();
  });

  test('has to have the version of the tag', () => {
    expect(tagProblems('v1.1.0', '1.1.0', changelog)).toEqual([]);
    expect(tagProblems('v1.1.0', '1.1.1', changelog)).toEqual([
      'The tag is v1.1.0; the version in package.json is 1.1.1, so it must be v1.1.1.',
      "CHANGELOG.md has no section '## 1.1.1', or an empty one.",
    ]);
    expect(tagProblems('v1.0.0', '1.0.0', changelog)).toHaveLength(1);
  });
});
