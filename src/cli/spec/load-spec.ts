/** Reads the spec of `ripcord iterate`: a module in TypeScript or JavaScript, or a JSON document. */
import { access, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createJiti } from 'jiti';
import { z } from 'zod';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import { parseOptions } from '../../base/parse-options.js';
import type { ExecutorOptions } from '../../executor/options.js';
import type { VerificationLike } from '../../executor/types.js';
import { optionsOf, specSchema } from './json-spec.js';

export interface Spec {
  task: unknown;
  options: ExecutorOptions<unknown, unknown, unknown, VerificationLike>;
}

const moduleSchema = z.object({
  /** Task, of any type that the functions of the spec take. */
  task: z.custom((value) => value !== undefined, { error: 'missing' }),
  /** Options of an `IterationExecutor`. */
  options: z.custom<Spec['options']>((value) => typeof value === 'object' && value !== null, {
    error: 'expected the options of an IterationExecutor',
  }),
});

/** The subpaths that package.json exports. */
const EXPORTS = ['tools', 'ai-sdk', 'client', 'server'];
const own = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** `import … from 'ripcord-sandbox'` in a spec resolves to this package, wherever the spec lies. */
const ALIAS = {
  'ripcord-sandbox': own('index.js'),
  ...Object.fromEntries(EXPORTS.map((name) => [`ripcord-sandbox/${name}`, own(`${name}/index.js`)])),
};

/**
 * Loads a spec.
 * @throws InvalidOptionsError naming the file and the problem
 */
export async function loadSpec(file: string): Promise<Spec> {
  const absolute = path.resolve(file);
  try {
    await access(absolute);
    if (path.extname(file) !== '.json') return await loadModule(absolute);
    const directory = path.dirname(absolute);
    const spec = parseOptions(specSchema, JSON.parse(await readFile(absolute, 'utf8')), file);
    return { task: spec.task, options: await optionsOf(spec, directory) };
  } catch (error) {
    if (error instanceof InvalidOptionsError) throw error;
    throw new InvalidOptionsError(`${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
      hint: 'A spec is a module that exports `task` and `options`, or a JSON document; docs/iterate.md has both.',
    });
  }
}

async function loadModule(file: string): Promise<Spec> {
  const jiti = createJiti(file, { alias: ALIAS, fsCache: false });
  const exported = (await jiti.import(file)) as { default?: unknown };
  const value = 'options' in exported ? exported : exported.default;
  const parsed = moduleSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new InvalidOptionsError(`${file}: ${issue?.path.join('.') || 'its exports'}: ${issue?.message}`, {
    hint: 'Export `task` and `options` (those of an IterationExecutor), by name or together as the default.',
  });
}
