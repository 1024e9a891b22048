/** The argument list that a line or an argument list becomes. */
import { describe, expect, it } from 'vitest';
import { bashLine, moveLongLine, toArgv } from '../../../src/command/lines.js';

const LONG = `: ${'x'.repeat(140_000)}`;

describe('a command', () => {
  it('is a line for /bin/sh, whatever it begins with, or a list', () => {
    expect(toArgv('ls -l')).toEqual(['/bin/sh', '-c', 'ls -l']);
    expect(toArgv('-x')).toEqual(['/bin/sh', '-c', '--', '-x']);
    expect(toArgv('+x')).toEqual(['/bin/sh', '-c', '--', '+x']);
    expect(toArgv(['ls', '-l'])).toEqual(['ls', '-l']);
    expect(() => toArgv([])).toThrow('empty');
    expect(() => toArgv('a\0b')).toThrow('NUL');
  });

  it('whose line no argument holds has it in a file', () => {
    const program = { name: 'main.sh', text: LONG, warm: false };
    expect(moveLongLine(toArgv(LONG))).toEqual({ argv: ['/bin/sh', 'main.sh'], program: { ...program, at: 1 } });
    expect(moveLongLine(['bash', '-e', '-c', LONG])).toEqual({
      argv: ['bash', '-e', 'main.sh'],
      program: { ...program, at: 2 },
    });
    const inBash = bashLine(LONG);
    expect(moveLongLine(inBash)).toEqual({
      argv: [...inBash.slice(0, 4), 'main.sh'],
      program: { ...program, at: 4 },
    });
  });

  it('is left as it is where it is short, or not a line', () => {
    for (const argv of [
      ['true'],
      ['sh', '-c', 'x'],
      ['python3', '-c', LONG],
      ['echo', LONG],
      ['sh', '-c', 'x', LONG],
    ]) {
      expect(moveLongLine(argv)).toEqual({ argv });
    }
    expect(moveLongLine(['sh', '-c', 'é'.repeat(65_535)]).program).toBeUndefined();
    expect(moveLongLine(['sh', '-c', 'é'.repeat(65_536)]).program).toBeDefined();
  });
});
