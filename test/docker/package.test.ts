/** The packed package as others use it: its types, CommonJS, a bundler. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { importing, typeErrors } from '../../scripts/release/compile.mjs';
import { usePackedProject } from '../helpers/packed.js';

const run = promisify(execFile);
const ROOT = path.resolve(import.meta.dirname, '../..');
const packed = usePackedProject();
const inProject = (name: string) => path.join(packed.directory, name);

const ENTRIES = ['ripcord-sandbox', 'ripcord-sandbox/client', 'ripcord-sandbox/tools', 'ripcord-sandbox/server'];

/** One run of a program that makes a sandbox and prints what came out of it. */
const PROGRAM = `
import { SandboxManager } from 'ripcord-sandbox'
const main = async () => {
  const manager = await SandboxManager.open({ sweep: false })
  try {
    const sandbox = await manager.create({ image: 'base' })
    console.log((await sandbox.exec('echo from inside')).stdout.trim())
  } finally {
    await manager.close()
  }
}
main().catch((error) => console.log(error.code, error.hint))
`;

describe('types', () => {
  it('stand alone for modules and CommonJS, and take undefined for every option that may be left out', async () => {
    const checks = ENTRIES.flatMap((entry, at) =>
      optionTypesOf(entry).map((name) => {
        const type = `Refusing<entry${at}.${name}${GENERIC[name] ?? ''}>`;
        return `const check${at}${name}: ${type} = {}\nvoid check${at}${name}\n`;
      }),
    );
    expect(checks.length).toBeGreaterThan(40);
    const imports = importing(ENTRIES);
    expect(
      await typeErrors(packed.directory, { 'common.cts': imports, 'module.mts': imports + REFUSING + checks.join('') }),
    ).toEqual([]);
  });

  it('stand alone for what a bundler resolves, the AI SDK beside them', async () => {
    symlinkSync(path.join(ROOT, 'node_modules/ai'), inProject('node_modules/ai'));
    // The AI SDK's own types name the DOM's.
    const options = { module: 'esnext', moduleResolution: 'bundler', lib: ['es2022', 'dom'] };
    const files = { 'bundled.ts': importing([...ENTRIES, 'ripcord-sandbox/ai-sdk']) };
    expect(await typeErrors(packed.directory, files, options)).toEqual([]);
  });
});

const GENERIC: Record<string, string> = {
  ExecutorOptions: '<unknown, unknown, unknown, entry0.VerificationLike>',
  RunOptions: '<unknown>',
  StartOptions: '<unknown>',
};

/** The names of the types of options that an entry exports. */
function optionTypesOf(entry: string): string[] {
  const { exports } = JSON.parse(readFileSync(path.join(packed.installed, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string }>;
  };
  const { types } = exports[entry.replace('ripcord-sandbox', '.')]!;
  const text = readFileSync(path.join(packed.installed, types), 'utf8');
  return [...text.matchAll(/\b(\w+(?:Options|Limits|Rules|Entry))\b(?=[,\s}])/g)].map(([, name]) => name!);
}

/** The keys of an options type, at any depth, that may be missing and may not be `undefined`. Nothing is assignable where there is one. */
const REFUSING = `
type Leaf = ((...args: never) => unknown) | Date | Uint8Array | AbortSignal | URL | { _zod: unknown } | readonly unknown[] | string | number | boolean | undefined | null
type Refused<T, D extends number = 4, Path extends string = ''> = D extends 0 ? never : T extends Leaf ? never : T extends object ? {
  [K in keyof T & string]-?:
    | ({} extends Pick<T, K> ? ({ [P in K]: undefined } extends Pick<T, K> ? never : \`\${Path}\${K}\`) : never)
    | Refused<Exclude<T[K], undefined>, [0, 0, 1, 2, 3][D], \`\${Path}\${K}.\`>
}[keyof T & string] : never
type Refusing<T> = { [K in Refused<T>]: 'takes no undefined' }
`;

describe('at run time', () => {
  it.each(['esm', 'cjs'] as const)('works beside a bundle of the format %s, which leaves it out', async (format) => {
    expect(await runBundle(format, ['ripcord-sandbox'])).toBe('from inside\n');
  });

  it('says what to do where a bundle has swallowed it', async () => {
    // cpu-features is compiled code that ssh2 does without.
    expect(await runBundle('cjs', ['cpu-features'])).toMatch(
      /^package-incomplete .*esbuild --external:ripcord-sandbox/,
    );
  });
});

/** Runs the program as esbuild bundles it: a module that imports the package, or CommonJS that requires it. */
async function runBundle(format: 'esm' | 'cjs', external: string[]): Promise<string> {
  writeFileSync(inProject('main.mjs'), PROGRAM);
  const outfile = inProject(`bundle.${format === 'esm' ? 'mjs' : 'cjs'}`);
  const options = { format, external, outfile, bundle: true, platform: 'node', logLevel: 'silent' } as const;
  await build({ entryPoints: [inProject('main.mjs')], ...options });
  return (await run(process.execPath, [outfile])).stdout;
}

describe('the files', () => {
  it('that the package reads of itself are in it', () => {
    const named = new Set<string>();
    for (const file of packed.files.filter((name) => /^dist\/.*\.js$/.test(name))) {
      const text = readFileSync(path.join(packed.installed, file), 'utf8');
      for (const [, name] of text.matchAll(/packageFile\(['"`]([^'"`$]+)/g)) named.add(name!);
    }
    expect(named.size).toBeGreaterThan(5);
    expect([...named].filter((name) => !existsSync(path.join(packed.installed, name)))).toEqual([]);
  });

  it('that its scripts import are in it', async () => {
    const scripts = packed.files.filter((name) => /^scripts\/.*\.mjs$/.test(name));
    expect(scripts).toContain('scripts/setup/debian-rootfs.mjs');
    // None of them does anything when it is only imported.
    const text = scripts.map((name) => `await import(${JSON.stringify(path.join(packed.installed, name))})\n`).join('');
    writeFileSync(inProject('scripts.mjs'), text);
    expect((await run(process.execPath, [inProject('scripts.mjs')])).stderr).toBe('');
  });
});
