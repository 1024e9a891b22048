/**
 * Layer 5: the sweep removes what dead owners left and never touches what belongs to a live one, whatever their pids look
 * like. Containers are fabricated with the raw API, from the labels of a real one.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settled } from '../helpers/chaos/audit.js';
import type { Orchestrator } from '../helpers/chaos/orchestrator.js';
import { signalTo, startOf } from '../helpers/chaos/processes.js';
import type { Scenario } from '../helpers/chaos/scenario.js';
import { scenario } from '../helpers/chaos/scenario.js';

/** The owner's name as the library writes it: host | boot | pid namespace | pid | start. */
const ownedBy = (template: string, pid: number, started: string): string => {
  const [host, boot, namespace] = template.split('|');
  return [host, boot, namespace, pid, started].join('|');
};

/** Starts a live process that is not an orchestrator. */
function bystander(made: Scenario): ChildProcess {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' });
  made.defer(() => child.kill('SIGKILL'));
  return child;
}

async function ownerLabel({ api }: Scenario, orchestrator: Orchestrator): Promise<string> {
  await orchestrator.heard('busy');
  const [container] = await api.containers(`ripcord.instance=${orchestrator.subject.instance}`);
  return container!.Labels['ripcord.owner']!;
}

async function fabricate(made: Scenario, owner: string): Promise<string> {
  const token = made.token();
  return made.api.createContainer(`ripcord-chaos-${token}`, 'ripcord/base', {
    'ripcord.instance': token.padEnd(16, '0'),
    'ripcord.sandbox': token,
    'ripcord.owner': owner,
    'ripcord.created': new Date().toISOString(),
    'chaos.token': token,
  });
}

test("a container whose owner's pid was reused is swept; one of the very process is kept", () =>
  scenario(async (made) => {
    const orchestrator = await made.start({ work: ['sleep'] });
    const template = await ownerLabel(made, orchestrator);
    const { pid } = bystander(made);
    const started = startOf(pid!);
    const kept = await fabricate(made, ownedBy(template, pid!, started));
    const reused = await fabricate(made, ownedBy(template, pid!, String(Number(started) - 1)));
    const dead = await fabricate(made, ownedBy(template, 2 ** 22 - 1, started));
    orchestrator.tell('sweep');
    const [{ report }] = await orchestrator.heard('swept-now');
    expect(report?.errors).toEqual([]);
    expect(await Promise.all([kept, reused, dead].map((id) => made.api.exists(id)))).toEqual([true, false, false]);

    signalTo(pid!, 'SIGKILL');
    await expect.poll(() => startOf(pid!)).toBe('');
    orchestrator.tell('sweep');
    await orchestrator.heard('swept-now', { count: 2 });
    expect(await made.api.exists(kept)).toBe(false);
  }));

test('a container of another boot is swept; those of another machine, pid namespace or format are kept', () =>
  scenario(async (made) => {
    const orchestrator = await made.start({ work: ['sleep'] });
    const template = await ownerLabel(made, orchestrator);
    const parts = template.split('|');
    const withPart = (index: number, value: string) => parts.with(index, value).join('|');
    const boot = await fabricate(made, withPart(1, '00000000-0000-0000-0000-000000000000'));
    const unknown = await Promise.all([
      fabricate(made, withPart(0, 'another-machine')),
      fabricate(made, withPart(2, '1')),
      fabricate(made, 'what is this'),
      fabricate(made, '%E0%A4%A'),
      fabricate(made, ''),
    ]);
    orchestrator.tell('sweep');
    const [{ report }] = await orchestrator.heard('swept-now', { timeoutMs: 10_000 });
    expect(report?.errors).toEqual([]);
    expect(await made.api.exists(boot)).toBe(false);
    expect(await Promise.all(unknown.map((id) => made.api.exists(id)))).toEqual(unknown.map(() => true));
  }));

test('two orchestrators side by side: the sweep, the close and the death of one never touch the other', () =>
  scenario(async (made) => {
    const tempDir = made.tempDir();
    const first = await made.start({ work: ['sleep', 'loop'] }, tempDir);
    await first.heard('busy');
    const second = await made.start({ work: ['sleep', 'flood'] }, tempDir);
    const [{ report }] = await second.heard('swept');
    expect(report).toMatchObject({ removed: { directories: [] }, errors: [] });
    await second.heard('busy');
    second.tell('sweep');
    await second.heard('swept-now');
    first.tell('sweep');
    await first.heard('swept-now');

    const alive = async (orchestrator: Orchestrator) => {
      const { sandbox } = orchestrator.all('created').at(-1)!;
      const count = orchestrator.all('executed').length + 1;
      orchestrator.tell(`exec ${sandbox}`);
      expect((await orchestrator.heard('executed', { count })).at(-1)).toMatchObject({ stdout: 'it works\n' });
      expect(orchestrator.all('lost')).toEqual([]);
      expect(await made.api.containers(`chaos.token=${orchestrator.subject.token}`)).toHaveLength(2);
    };
    await alive(first);
    await alive(second);

    second.signal('SIGKILL');
    await second.exits();
    await expect
      .poll(async () => (await made.api.containers(`chaos.token=${second.subject.token}`)).length, { timeout: 5000 })
      .toBe(0);
    await expect.poll(() => first.watchdogs.length, { timeout: 15_000 }).toBe(1);
    const instances = readdirSync(join(tempDir, readdirSync(tempDir)[0]!));
    expect(instances).toEqual([first.subject.instance]);
    await alive(first);

    const third = await made.start({ work: ['sleep', 'sleep'] }, tempDir);
    await third.heard('busy');
    third.tell('close');
    await third.heard('closed');
    await alive(first);
    third.tell('exit 0');
    first.tell('close');
    await first.heard('closed');
    first.tell('exit 0');
    await Promise.all([third.exits(), first.exits()]);
    await settled(first.subject);
  }));

test('the sweep follows no link out of the state root', () =>
  scenario(async (made) => {
    const tempDir = made.tempDir();
    const orchestrator = await made.start({ work: ['sleep'] }, tempDir);
    const template = await ownerLabel(made, orchestrator);
    const dead = ownedBy(template, 2 ** 22 - 1, '1');
    const root = join(tempDir, readdirSync(tempDir)[0]!);
    const victim = join(made.directory, 'victim');
    mkdirSync(join(victim, 'inner'), { recursive: true });
    writeFileSync(join(victim, 'precious'), 'precious');
    writeFileSync(join(victim, 'owner'), dead);
    // An instance directory that is a link, and a real one with a link in it.
    symlinkSync(victim, join(root, 'a'.repeat(16)));
    mkdirSync(join(root, 'b'.repeat(16)));
    writeFileSync(join(root, 'b'.repeat(16), 'owner'), dead);
    symlinkSync(victim, join(root, 'b'.repeat(16), 'sandbox'));
    // Names that are not ours.
    mkdirSync(join(root, 'photos'));
    orchestrator.tell('sweep');
    const [{ report }] = await orchestrator.heard('swept-now');
    expect(report?.errors).toEqual([]);
    expect(readdirSync(victim).sort()).toEqual(['inner', 'owner', 'precious']);
    expect(readdirSync(root).sort()).toEqual([orchestrator.subject.instance, 'photos'].sort());
  }));
