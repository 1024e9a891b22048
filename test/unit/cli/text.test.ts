import { describe, expect, it } from 'vitest';
import { safeLine, safeText, showControls } from '../../../src/base/harmless-text.js';
import { collectEnv, collectPort, parseCount, parseDuration, parseNumber } from '../../../src/cli/parse.js';
import { formatAge, formatBytes, formatMs } from '../../../src/cli/terminal/format.js';
import { ProgramOutput } from '../../../src/cli/terminal/output.js';
import { table } from '../../../src/cli/terminal/table.js';

describe('words of a command line', () => {
  it.each([
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5', 1500],
    ['2m', 120_000],
    ['1h', 3_600_000],
  ])('%s is %i ms', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each(['', 'soon', '5 days', '-1s', '0'])('%j is no time', (text) => expect(() => parseDuration(text)).toThrow());
  it.each(['', 'x', 'NaN', '1e999'])('%j is no number', (text) => expect(() => parseNumber(text)).toThrow());
  it.each(['0', '1.5', '-2'])('%j is no count', (text) => expect(() => parseCount(text)).toThrow());

  it('collects variables, the later over the earlier', () => {
    process.env.RIPCORD_TEST_HERE = 'here';
    const collected = ['A=1', 'B=x=y', 'A=2', 'RIPCORD_TEST_HERE', 'RIPCORD_TEST_NOWHERE', 'E='].reduce(
      (all, text) => collectEnv(text, all),
      {},
    );
    expect(collected).toEqual({ A: '2', B: 'x=y', RIPCORD_TEST_HERE: 'here', E: '' });
    expect(() => collectEnv('=x')).toThrow();
    delete process.env.RIPCORD_TEST_HERE;
  });

  it('reads ports', () => {
    expect(collectPort('8080:80', collectPort('3000'))).toEqual([
      { port: 3000, localPort: undefined },
      { port: 80, localPort: 8080 },
    ]);
    for (const wrong of ['', '0', '65536', '70000:80', '1:2:3', 'http', '80/tcp'])
      expect(() => collectPort(wrong)).toThrow();
  });
});

describe('hostile text', () => {
  it('loses its escape sequences in messages, and shows what else controls', () => {
    expect(safeText('a\x1b[31mb\x1b]0;title\x07c\x08\u202ed\n\te')).toBe('abc^H\\u202ed\n\te');
  });

  it('becomes one bounded line in tables', () => {
    expect(safeLine('a\n\r\tb\x00')).toBe('a b^@');
    expect(safeLine('x'.repeat(500), 10)).toBe(`${'x'.repeat(9)}…`);
  });

  it('has nothing left that a terminal obeys', () => {
    const every = Array.from({ length: 0x100 }, (_, code) => String.fromCharCode(code)).join('');
    expect(showControls(every, '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('program output', () => {
  const fake = (isTTY: boolean) => {
    const written: Uint8Array[] = [];
    const stream = { isTTY, destroyed: false, write: (data: Uint8Array | string) => written.push(Buffer.from(data)) };
    return { stream: stream as unknown as NodeJS.WriteStream, text: () => Buffer.concat(written) };
  };

  it('is neutralised on a terminal wherever a chunk ends', () => {
    const { stream, text } = fake(true);
    const output = new ProgramOutput(stream, false);
    for (const byte of Buffer.from('ä\x1b[2J\u0085€\r\n')) void output.write(Uint8Array.of(byte));
    expect(text().toString()).toBe('ä^[[2J\\u0085€\r\n');
    expect(output.atLineStart).toBe(true);
  });

  it.each([
    ['a pipe', false, false],
    ['a terminal with --raw', true, true],
  ])('stays as it is into %s', (_title, isTTY, raw) => {
    const { stream, text } = fake(isTTY);
    void new ProgramOutput(stream, raw).write(Uint8Array.of(0x1b, 0xff, 0));
    expect([...text()]).toEqual([0x1b, 0xff, 0]);
  });
});

describe('numbers and tables for people', () => {
  it('has one unit that fits', () => {
    expect([5, 999, 1000, 4230, 59_949, 65_000].map(formatMs)).toEqual([
      '5 ms',
      '999 ms',
      '1 s',
      '4.2 s',
      '59.9 s',
      '1 min 05 s',
    ]);
    expect([0, 59_000, 61_000, 7_200_000, 200_000_000].map(formatAge)).toEqual([
      '0 s',
      '59 s',
      '1 min',
      '2 h',
      '2 days',
    ]);
    expect([0, 1536, 512 * 1024 ** 2].map(formatBytes)).toEqual(['0 bytes', '1.5 KiB', '512 MiB']);
  });

  it('aligns columns', () => {
    const text = table([{ title: 'A' }, { title: 'N', align: 'right' }], [['long', 1], ['x', 1000]]); // biome-ignore format: rows
    expect(text).toBe('A         N\nlong      1\nx      1000\n');
  });
});
