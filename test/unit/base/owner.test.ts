import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  currentOwner,
  formatOwner,
  livenessOf,
  type Owner,
  parseOwner,
  processStart,
} from '../../../src/base/owner.js';

const me = currentOwner();

describe('the text of an owner', () => {
  it('says the same after being read', () => {
    const part = fc.string({ minLength: 1, unit: 'grapheme' });
    const owner = fc.record({ host: part, boot: part, namespace: part, pid: fc.nat(), started: part });
    fc.assert(
      fc.property(owner, (each) => {
        expect(parseOwner(formatOwner(each))).toEqual(each);
      }),
    );
  });

  it('of this process names this process', () => {
    expect(me.pid).toBe(process.pid);
    expect(parseOwner(formatOwner(me))).toEqual(me);
    expect(formatOwner(me)).not.toMatch(/\s/);
  });

  it.each([
    undefined,
    '',
    'x',
    '|||',
    'h|b|n|x|s',
    'h|b|n|1',
    'h|b|n|1|s|more',
    'h|b|n|1.5|s',
    '|b|n|1|s',
    'h||n|1|s',
    '%',
  ])('that is none is nobody: %j', (text) => {
    expect(parseOwner(text)).toBeUndefined();
  });

  it('is read or is nobody, whatever it is', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseOwner(text)));
    fc.assert(fc.property(fc.array(fc.string(), { maxLength: 7 }), (parts) => void parseOwner(parts.join('|'))));
  });
});

describe('livenessOf', () => {
  const changed = (changes: Partial<Owner>) => livenessOf({ ...me, ...changes });

  it('knows this process to be alive', () => {
    expect(livenessOf(me)).toBe('alive');
  });

  it('knows a pid that was reused from its first owner', () => {
    expect(changed({ started: '1' })).toBe('dead');
  });

  it('knows a process that has ended to be dead', async () => {
    const child = spawn('sleep', ['60']);
    const { pid } = child;
    const started = processStart(pid!)!;
    expect(changed({ pid: pid!, started })).toBe('alive');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(changed({ pid: pid!, started })).toBe('dead');
  });

  it('knows everything before a reboot to be dead', () => {
    expect(changed({ boot: 'an-earlier-boot' })).toBe('dead');
    expect(changed({ boot: 'an-earlier-boot', namespace: 'another' })).toBe('dead');
  });

  it('knows nothing of another machine, another pid namespace, or nobody', () => {
    expect(changed({ host: 'another-host' })).toBe('unknown');
    expect(changed({ host: 'another-host', boot: 'another-boot' })).toBe('unknown');
    expect(changed({ namespace: '1' })).toBe('unknown');
    expect(livenessOf(undefined)).toBe('unknown');
  });
});

describe.skipIf(process.platform !== 'linux')('processStart', () => {
  it('is the same at every look, and differs between processes', async () => {
    expect(processStart(process.pid)).toBe(processStart(process.pid));
    expect(processStart(process.pid)).not.toBe(processStart(1));
  });

  it('is not fooled by a name with parentheses and spaces in it', async () => {
    // Node names itself by its title, and is the one interpreter that is surely there.
    const program = 'process.title = "a) S 1 2"; console.log("up"); setInterval(() => {}, 1000)';
    const named = spawn(process.execPath, ['-e', program]);
    await once(named.stdout, 'data');
    const stat = execFileSync('cat', [`/proc/${named.pid}/stat`], { encoding: 'utf8' });
    expect(stat).toContain('(a) S 1 2)');
    // proc(5): field 22 of 52.
    expect(processStart(named.pid!)).toBe(stat.trimEnd().split(' ').at(-31));
    named.kill('SIGKILL');
  });

  it('is nothing for a process that is dead and not yet reaped', async () => {
    // The shell's child ends at once and stays a zombie, because the program the shell becomes never waits.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60']);
    const [line] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
    const pid = Number(line);
    for (let i = 0; i < 500 && processStart(pid) !== undefined; i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(execFileSync('cat', [`/proc/${pid}/stat`], { encoding: 'utf8' })).toContain(') Z ');
    expect(processStart(pid)).toBeUndefined();
    parent.kill('SIGKILL');
  });

  it('is nothing for a pid that is not there', () => {
    expect(processStart(2 ** 22 + 1)).toBeUndefined();
  });
});
