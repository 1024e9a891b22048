/** The TSDoc of options against the schemas that check them: an editor shows the defaults that hold. */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { OPTION_FILES } from '../../../scripts/docs/option-files.mjs';
import { declarationsOf, type Field, fieldsOf, tagOf } from '../../../scripts/docs/source-reader.mjs';
import * as docker from '../../../src/backends/docker/options.js';
import * as backends from '../../../src/backends/options.js';
import { parseSize } from '../../../src/base/option-fields.js';
import * as client from '../../../src/client/options.js';
import * as command from '../../../src/command/options.js';
import * as commit from '../../../src/commit/options.js';
import * as egress from '../../../src/egress/options.js';
import * as executor from '../../../src/executor/options.js';
import * as task from '../../../src/executor/task/options.js';
import * as files from '../../../src/files/options.js';
import * as launch from '../../../src/launch/options.js';
import * as pool from '../../../src/pool/pool-options.js';
import * as ports from '../../../src/ports/options.js';
import * as sandbox from '../../../src/sandbox/options.js';
import * as server from '../../../src/server/options.js';
import * as tools from '../../../src/tools/options.js';
import * as verify from '../../../src/verify/test-options.js';
import { callerLimitsSchema } from '../../../src/wire/sandboxes.js';

const SRC = resolve(import.meta.dirname, '../../../src');

const [copied, bound] = launch.workspaceSchema.options;
const [, listenTcp] = server.listenSchema.options;
/** An entry of a pool has the manager's defaults, and its own fields alone are checked here. */
const poolEntry = pool.poolEntrySchema.pick({ size: true, network: true });

const SCHEMAS: Record<string, z.ZodObject> = {
  ManagerOptions: sandbox.managerSchema,
  SweepOptions: sandbox.sweepSchema,
  BackendOptions: backends.backendSchema,
  EngineOptions: docker.engineSchema,
  CreateOptions: launch.createSchema,
  Limits: launch.limitsSchema,
  SeedOptions: launch.seedSchema.options[1],
  CopiedWorkspace: copied,
  BoundWorkspace: bound,
  NetworkOptions: egress.networkSchema,
  InjectOptions: egress.injectSchema,
  ExecOptions: command.execSchema,
  SpawnOptions: command.spawnSchema,
  PipedSpawnOptions: command.spawnSchema,
  RunCodeOptions: command.runCodeSchema,
  TerminalSize: command.terminalSizeSchema,
  ReadOptions: files.readSchema,
  ReadStreamOptions: files.readStreamSchema,
  WriteOptions: files.writeSchema,
  ListOptions: files.listSchema,
  StatOptions: files.statSchema,
  MakeDirOptions: files.makeDirSchema,
  RemoveOptions: files.removeSchema,
  RenameOptions: files.renameSchema,
  UploadOptions: files.uploadSchema,
  DownloadOptions: files.downloadSchema,
  ArchiveOptions: files.archiveSchema,
  WriteArchiveOptions: files.writeArchiveSchema,
  DiffOptions: files.diffSchema,
  PortOptions: ports.portSchema,
  WaitForPortOptions: ports.waitForPortSchema,
  ForwardOptions: ports.forwardSchema,
  PoolEntry: poolEntry,
  PoolSettings: pool.poolSchema,
  PrepareCommitOptions: commit.prepareSchema,
  ApplyCommitOptions: commit.applySchema,
  CommitOptions: commit.commitSchema,
  RecoverOptions: commit.recoverSchema,
  UnifiedDiffOptions: commit.unifiedDiffSchema,
  ExecutorOptions: executor.executorSchema,
  RunTimeouts: executor.timeoutsSchema,
  RunOptions: executor.runSchema,
  ControllerOptions: task.controllerSchema,
  StartOptions: task.startSchema,
  AbortOptions: task.abortSchema,
  CallsTestOptions: verify.callsSchema,
  PytestTestOptions: verify.pytestSchema,
  IoTestOptions: verify.ioSchema,
  IoCase: verify.ioCaseSchema,
  CommandTestOptions: verify.commandSchema,
  ToolboxOptions: tools.toolboxSchema,
  ClientOptions: client.clientSchema,
  RemoteCreateOptions: client.remoteCreateSchema,
  RemoteLimits: callerLimitsSchema,
  ServerOptions: server.serverSchema,
  TokenOptions: server.tokenSchema,
  TcpListenOptions: listenTcp,
  CallerOptions: server.callersSchema,
  PatienceOptions: server.patienceSchema,
};

const interfaces = OPTION_FILES.flatMap(({ path }) =>
  declarationsOf(join(SRC, path)).filter(({ kind }) => kind === 'interface'),
);
/** A field of an interface, and its schema. */
type Pair = [field: Field, schema: z.ZodType];

const checked = interfaces
  .filter(({ name }) => name in SCHEMAS)
  .map((declaration): [name: string, pairs: Pair[]] => {
    const { shape } = SCHEMAS[declaration.name]!;
    const pairs = fieldsOf(declaration).flatMap((field): Pair[] => {
      const schema = shape[field.name];
      return schema ? [[field, schema as z.ZodType]] : [];
    });
    return [declaration.name, pairs];
  });

/** `30_000 (30 s)` is a literal and, for people, the same amount with a unit. */
function partsOf(tag: string): { literal: unknown; amount: string | undefined } {
  const [, literal, amount] = /^(.*?)(?: \((\d[^)]*)\))?$/.exec(tag)!;
  // The text of a source of this repository.
  return { literal: new Function(`return (${literal})`)(), amount };
}

const MS: Record<string, number> = { s: 1000, min: 60_000, h: 3_600_000 };

function numberOf(amount: string): number {
  const [number, unit] = amount.split(' ') as [string, string];
  return MS[unit] === undefined ? parseSize(number + unit.replace('iB', ''))! : Number(number) * MS[unit];
}

test('every file that declares public options is in the reference', () => {
  const found = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
    (path) => /(^|[/-])options\.ts$/.test(path) && !/^(base|cli)\//.test(path),
  );
  const declared = OPTION_FILES.map(({ path }) => path);
  // The options of a server's callers are those of `create()`, narrowed.
  expect(found.filter((path) => !declared.includes(path))).toEqual(['server/create-options.ts']);
});

test.each(checked)('each @default of %s is the value that its schema gives for nothing', (_name, pairs) => {
  for (const [field, schema] of pairs) {
    const nothing = schema.safeParse(undefined);
    const inForce = nothing.success ? nothing.data : undefined;
    const tag = tagOf(field.doc, 'default');
    expect([field.name, tag !== undefined]).toEqual([field.name, inForce !== undefined]);
    if (tag === undefined) continue;
    const { literal, amount } = partsOf(tag);
    expect([field.name, schema.parse(literal)]).toEqual([field.name, inForce]);
    if (amount !== undefined) expect([field.name, numberOf(amount)]).toEqual([field.name, inForce]);
  }
});

test.each(checked)('each field of %s is explained, and takes undefined if it may be left out', (_name, pairs) => {
  for (const [{ name, doc, optional, isMethod, type }, schema] of pairs) {
    expect([name, doc.text]).toEqual([name, expect.stringMatching(/^[A-Z`].*[.:)]$/s)]);
    expect([name, optional]).toEqual([name, schema.safeParse(undefined).success]);
    // Under `exactOptionalPropertyTypes` a caller may pass undefined only where the type has it.
    if (optional && !isMethod) expect([name, type]).toEqual([name, expect.stringMatching(/\| undefined$/)]);
  }
});

test('no interface of options, and no @default, is left unchecked', () => {
  const names = (fields: Field[]) => fields.map(({ owner, name }) => `${owner}.${name}`);
  const seen = new Set(names(checked.flatMap(([, pairs]) => pairs.map(([field]) => field))));
  const withDefault = interfaces.flatMap(fieldsOf).filter(({ doc }) => tagOf(doc, 'default') !== undefined);
  expect(names(withDefault).filter((name) => !seen.has(name))).toEqual([]);
  expect(checked.filter(([, pairs]) => pairs.length === 0)).toEqual([]);
});
