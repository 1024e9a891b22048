/** A bad option is named with its place and a better one, on every face and at every depth. */
import { describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { InvalidOptionsError } from '../../../src/base/errors.js';
import { parseOptions } from '../../../src/base/parse-options.js';
import { remoteCreateSchema } from '../../../src/client/options.js';
import { spawnSchema } from '../../../src/command/options.js';
import { archiveSchema, downloadSchema, uploadSchema, writeArchiveSchema } from '../../../src/files/options.js';
import { createSchema } from '../../../src/launch/options.js';
import { SandboxManager } from '../../../src/sandbox/sandbox-manager.js';
import { serverSchema } from '../../../src/server/options.js';
import { TOOLS } from '../../../src/tools/catalog.js';
import { createToolbox } from '../../../src/tools/toolbox.js';
import { putTreeQuery } from '../../../src/wire/files.js';
import { execMessageSchema, taskMessageSchema } from '../../../src/wire/messages.js';
import { previewBody } from '../../../src/wire/ports.js';
import { callerCreateSchema } from '../../../src/wire/sandboxes.js';

function refusal(schema: z.ZodType, input: unknown): string {
  try {
    parseOptions(schema, input, 'what');
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionsError);
    return (error as Error).message;
  }
  throw new Error('the options were accepted');
}

const start = { type: 'start', command: ['true'] };
const cases: [face: string, schema: z.ZodType, input: object, message: string][] = [
  ['create, limits', createSchema, { limits: { memry: 1 } }, "'limits.memry', did you mean 'memory'"],
  ['create, a limit', createSchema, { limits: { pids: 'x' } }, 'limits.pids: '],
  ['create, network', createSchema, { network: { alow: [] } }, "'network.alow', did you mean 'allow'"],
  ['create, a rule', createSchema, { network: { allow: 'x' } }, 'network.allow: '],
  [
    'create, an injection',
    createSchema,
    { network: { allow: [], inject: [{ host: 'a', heeder: 'b', fromEnv: 'C' }] } },
    "'network.inject.0.heeder', did you mean 'header'",
  ],
  ['create, workspace', createSchema, { workspace: { sed: '/x' } }, "'workspace.sed', did you mean 'seed'"],
  [
    'create, seed',
    createSchema,
    { workspace: { mode: 'copy', seed: { from: '/x', gitignor: true } } },
    "'workspace.seed.gitignor', did you mean 'gitignore'",
  ],
  ['POST sandboxes, limits', callerCreateSchema, { limits: { memry: 1 } }, "'limits.memry', did you mean 'memory'"],
  ['POST sandboxes, network', callerCreateSchema, { network: { alow: [] } }, "'network.alow', did you mean 'allow'"],
  ['client.create, network', remoteCreateSchema, { network: { denny: [] } }, "'network.denny', did you mean 'deny'"],
  ['server, listen', serverSchema, { listen: { port: 'x' } }, 'listen.port: '],
  ['server, callers', serverSchema, { listen: { port: 1 }, callers: { maxSandbox: 1 } }, "did you mean 'maxSandboxes'"],
  ['spawn, a terminal', spawnSchema, { pty: { colums: 5, rows: 5 } }, "'pty.colums'"],
  ['files.upload', uploadSchema, { maxByte: 1 }, "'maxByte', did you mean 'maxBytes'"],
  ['files.upload, a pattern', uploadSchema, { ignore: [5] }, 'ignore.0: '],
  ['files.download', downloadSchema, { onRefuse: 'throw' }, "'onRefuse', did you mean 'onRefused'"],
  ['files.readArchive', archiveSchema, { maxEntrie: 1 }, "'maxEntrie', did you mean 'maxEntries'"],
  ['files.writeArchive', writeArchiveSchema, { keepLink: true }, "'keepLink', did you mean 'keepLinks'"],
  ['PUT tree', putTreeQuery, { keepLink: '1' }, "'keepLink', did you mean 'keepLinks'"],
  ['POST previews', previewBody, { prt: 80 }, "'prt', did you mean 'port'"],
  ['WS exec, start', execMessageSchema, { ...start, timeoutMS: 1 }, "'timeoutMS', did you mean 'timeoutMs'"],
  ['WS exec, a terminal', execMessageSchema, { ...start, pty: { cols: 'x', rows: 5 } }, 'pty.cols: '],
  ['WS exec, run-code', execMessageSchema, { type: 'run-code', code: '', lang: 'x' }, "'lang' (known: "],
  ['WS exec, resize', execMessageSchema, { type: 'resize', cols: 5, row: 5 }, "'row', did you mean 'rows'"],
  ['WS exec, a type', execMessageSchema, { type: 'strat' }, 'type: '],
  ['WS tasks, start', taskMessageSchema, { type: 'start', spec: 'x', detach: true }, "did you mean 'detached'"],
  ['WS tasks, attach', taskMessageSchema, { type: 'attach', id: 'x', lastEvent: 1 }, "'lastEvent', did you mean"],
];

it.each(cases)('%s', (_face, schema, input, message) => expect(refusal(schema, input)).toContain(message));

describe('a tool', () => {
  it.each(TOOLS.map((tool) => [tool.name, tool] as const))('%s', (_name, { input }) => {
    const [field] = Object.keys(input.shape);
    const said = refusal(input, { [`${field ?? 'field'}s`]: 1 });
    expect(said).toContain(`unknown option '${field ?? 'field'}s'`);
    if (field) expect(said).toContain(`did you mean '${field}'`);
  });

  it('of a toolbox: what its sandboxes are made with', () => {
    const manager = Object.create(SandboxManager.prototype) as SandboxManager;
    const create = { limits: { memry: 1 } } as never;
    expect(() => createToolbox({ manager, create })).toThrow(
      "create: unknown option 'limits.memry', did you mean 'memory'?",
    );
    expect(() => createToolbox({ manager: {} as never })).toThrow('manager: expected a SandboxManager');
  });
});
