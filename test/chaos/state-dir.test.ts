/** The root of the temp directories lies in a shared /tmp, where another user may have made it first. */
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settled } from '../helpers/chaos/audit.js';
import type { Scenario } from '../helpers/chaos/scenario.js';
import { scenario } from '../helpers/chaos/scenario.js';

const isRoot = process.getuid?.() === 0;

/** Opens a manager on `stateDir` and expects to be refused. */
async function refused(made: Scenario, stateDir: string): Promise<void> {
  const orchestrator = await made.start({ stateDir, work: ['idle'] });
  const [{ error }] = await orchestrator.heard('failed');
  expect(error).toMatchObject({ code: 'state-dir-unsafe', message: expect.stringContaining(stateDir) });
  expect(await orchestrator.exits()).toEqual({ code: 70, signal: null });
  expect(orchestrator.subject.containerIds.size).toBe(0);
  await settled(orchestrator.subject);
}

test.concurrent('a state root that is a link is refused, and nothing is written where it leads', () =>
  scenario(async (made) => {
    const target = join(made.directory, 'target');
    mkdirSync(target);
    const link = join(made.directory, 'link');
    symlinkSync(target, link);
    await refused(made, link);
    expect(readdirSync(target)).toEqual([]);
    expect(readlinkSync(link)).toBe(target);
  }));

test.concurrent('a state root that is a link to nowhere is refused, and nothing is made where it leads', () =>
  scenario(async (made) => {
    const link = join(made.directory, 'link');
    symlinkSync(join(made.directory, 'nowhere'), link);
    await refused(made, link);
    expect(() => lstatSync(join(made.directory, 'nowhere'))).toThrow('ENOENT');
  }));

test.concurrent('a state root that is a file is refused and left as it is', () =>
  scenario(async (made) => {
    const file = join(made.directory, 'file');
    writeFileSync(file, 'mine');
    await refused(made, file);
    expect(statSync(file).size).toBe(4);
  }));

test.skipIf(!isRoot)('a state root that belongs to somebody else is refused and left as it is', () =>
  scenario(async (made) => {
    const foreign = join(made.directory, 'foreign');
    mkdirSync(foreign, { mode: 0o777 });
    chownSync(foreign, 12345, 12345);
    await refused(made, foreign);
    expect(readdirSync(foreign)).toEqual([]);
    expect(statSync(foreign).uid).toBe(12345);
  }),
);

test.concurrent('a state root of our own that others may write to is closed to them before it is used', () =>
  scenario(async (made) => {
    const open = join(made.directory, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    writeFileSync(join(open, 'planted'), 'by somebody');
    const orchestrator = await made.start({ stateDir: open, work: ['sleep'] });
    await orchestrator.heard('busy');
    expect(statSync(open).mode & 0o777).toBe(0o700);
    const { instance } = orchestrator.subject;
    expect(statSync(join(open, instance!)).mode & 0o777).toBe(0o700);
    const since = performance.now();
    orchestrator.signal('SIGKILL');
    await settled(orchestrator.subject, { since });
    expect(readdirSync(open)).toEqual(['planted']);
  }));
