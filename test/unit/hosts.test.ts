/** The repository names no package registry, and no other host that a machine might not reach. */
import { readdirSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { extname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const NOT_OURS = new Set(['node_modules', 'dist', 'build', 'coverage', 'out', '.git']);
const BINARY = new Set(['.png', '.webp', '.gz', '.tgz', '.ico', '.woff2']);

/** Accepts reserved names (RFC 2606, RFC 6761, `.internal`), addresses, and single labels. */
const isExample = (host: string): boolean =>
  isIP(host) !== 0 ||
  !host.includes('.') ||
  // An address in another spelling.
  /\.\d[^.]*$/.test(host) ||
  /(^|\.)(example\.(com|org|net)|example|test|invalid|localhost|internal)$/.test(host);

/** Links for people to read, and links to the sources of material that was taken over. */
const LINKS = [
  'github.com',
  'git-scm.com',
  'raw.githubusercontent.com',
  'docs.docker.com',
  'nodejs.org',
  'www.w3.org',
  'www.apache.org',
  'openai.com',
  'docs.pytest.org',
  'docs.python.org',
  'vitest.dev',
  'jestjs.io',
  'mochajs.org',
  'go.dev',
  'doc.rust-lang.org',
  'pkware.cachefly.net',
  // An example talks to a model, unless OPENAI_BASE_URL says otherwise.
  'api.openai.com',
];

/** Matches a name without a scheme that looks like a registry's. */
const REGISTRY =
  /(?<![\w.-])(?:[a-z0-9-]+\.)*(?:registry|npm[a-z]*|pypi|deb|debian|security|index|files|mirrors?|pythonhosted|crates)[a-z0-9-]*(?:\.[a-z0-9-]+)*\.(?:org|com|io|net|dev)\b/gi;

function* files(directory: string): Generator<string> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (NOT_OURS.has(entry.name) || BINARY.has(extname(entry.name))) continue;
    const path = join(directory, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.isFile()) yield path;
  }
}
const texts = [...files(ROOT)].map((path) => [relative(ROOT, path), readFileSync(path, 'utf8')] as const);

/** Lock files have the links of the authors, but no `resolved` addresses. */
const isLock = (path: string) => path.endsWith('package-lock.json');

test('every URL leads to an example, to this machine, or to a source', () => {
  const strange = texts.flatMap(([path, text]) =>
    isLock(path)
      ? []
      : [...text.matchAll(/\b(?:https?|wss?|ftp|git):\/\/(?:[^\s/@'"`<>]*@)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)/g)]
          .map(([, host]) => host!.toLowerCase())
          .filter((host) => !isExample(host) && !LINKS.includes(host))
          .map((host) => `${path}: ${host}`),
  );
  expect(strange).toEqual([]);
});

test('no registry is named without a scheme either', () => {
  const named = texts.flatMap(([path, text]) =>
    isLock(path)
      ? []
      : [...text.matchAll(REGISTRY)]
          .map(([host]) => host.toLowerCase())
          .filter((host) => !isExample(host))
          .map((host) => `${path}: ${host}`),
  );
  expect(named).toEqual([]);
});

test('the lock files do not say where packages came from', () => {
  const locks = texts.filter(([path]) => isLock(path));
  expect(locks.length).toBeGreaterThan(0);
  for (const [path, text] of locks) expect(text, path).not.toContain('"resolved"');
});
