/**
 * The npm name `ripcord` is another project's, and ours is not published yet: no text that a person reads here may lead
 * to a package that another person can fill.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { catalogImages, missingImageHint } from '../../src/images/catalog.js';

const ROOT = resolve(import.meta.dirname, '../..');
const PACKAGE = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { name: string; version: string };
/** Directories whose files people read or run: documents, help and hints, TSDoc, examples, the container. */
const PLACES = ['.github', 'docs', 'src', 'examples', 'scripts', 'container', 'sandbox-images'];
const TEXT = /\.(?:md|ts|tsx|mts|js|mjs|json|ya?ml|html|svg|py|c|h)$|\/[^./]+$/;

/** Ways to have a package fetched by its name, and to import from one. */
const STRANGERS = [
  /\b(?:npx|bunx|(?:pnpm|yarn) dlx|npm exec)(?! --no-install )(?: -\S+)* ripcord\b/,
  /(?:^| )-(?:y|-yes) ripcord\b/,
  /\b(?:npm|pnpm|yarn|bun) (?:install|i|add)(?: -\S+)* ripcord(?:-sandbox)?(?:@\S+)?(?:[\s`]|$)/,
  /\b(?:from|import|require)[ (]+['"`]ripcord['"`/]/,
];

function strangersIn(text: string): string[] {
  // A list of arguments in JSON or TOML reads as the command line it is.
  const asCommand = (line: string) => line.replace(/"args":|"command":|[[\]",]/g, ' ').replace(/\s+/g, ' ');
  return text
    .split('\n')
    .filter((line) => STRANGERS.some((pattern) => pattern.test(line) || pattern.test(asCommand(line))));
}

test.each([
  'npx ripcord images build',
  'npx -y ripcord mcp',
  '"command": "npx", "args": ["-y", "ripcord", "mcp"]',
  'args = ["-y", "ripcord", "mcp"]',
  'npx --yes ripcord-sandbox',
  'npm install ripcord',
  'npm install --save-dev ripcord`',
  'npm i ripcord-sandbox',
  "import { SandboxManager } from 'ripcord'",
  "import { RipcordClient } from 'ripcord/client'",
  "await import('ripcord')",
])('%s is found out', (line) => {
  expect(strangersIn(line)).toEqual([line]);
});

test.each([
  'npx --no-install ripcord mcp',
  '"command": "npx", "args": ["--no-install", "ripcord", "mcp"]',
  'npm install ./ripcord-sandbox-0.1.0.tgz',
  "import { SandboxManager } from 'ripcord-sandbox'",
])('%s is as it should be', (line) => {
  expect(strangersIn(line)).toEqual([]);
});

const FILES = [
  ...readdirSync(ROOT).filter((name) => /\.(?:md|yaml)$|^Dockerfile$/.test(name)),
  ...PLACES.flatMap((place) =>
    readdirSync(join(ROOT, place), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !entry.parentPath.includes('agent/build'))
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1)),
  ).filter((path) => TEXT.test(path)),
];

test('no document, help, hint or example leads to a package of that name', () => {
  expect(FILES.length).toBeGreaterThan(300);
  const found = FILES.flatMap((path) =>
    strangersIn(readFileSync(join(ROOT, path), 'utf8')).map((line) => `${path}: ${line.trim()}`),
  );
  expect(found).toEqual([]);
});

test('the first screen of the README installs the packed file, by the name npm gives it', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const screen = readme.split('\n').slice(0, 12).join('\n');
  expect(screen).toContain('npm pack');
  for (const [named] of readme.matchAll(/ripcord-sandbox-\d\S*\.tgz/g)) {
    expect(named).toBe(`${PACKAGE.name}-${PACKAGE.version}.tgz`);
  }
  expect(screen).toContain(`npm install ./${PACKAGE.name}-${PACKAGE.version}.tgz`);
});

test.each(catalogImages().map(({ name }) => name))('the hint of a missing image %s runs what is installed', (name) => {
  expect(missingImageHint(name)).toBe(`Build it: npx --no-install ripcord images build ${name}`);
});
