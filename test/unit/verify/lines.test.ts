import { expect, test } from 'vitest';
import { STEPS_PER_TURN, WorkMeter } from '../../../src/base/work-meter.js';
import { LineTooLongError, linesOf } from '../../../src/verify/lines.js';

async function read(chunks: Iterable<string>, maxBytes = 1000, meter = new WorkMeter()): Promise<string[]> {
  async function* stream() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const lines: string[] = [];
  for await (const line of linesOf(stream(), maxBytes, meter)) lines.push(line.toString());
  return lines;
}

test('lines come whole, however they were cut', async () => {
  expect(await read(['a\nb', 'c', 'd\n', '\ne\nrest'])).toEqual(['a', 'bcd', '', 'e']);
  expect(await read('one\ntwo\n')).toEqual(['one', 'two']);
});

test('a line that is too long ends the reading', async () => {
  await expect(read(['a'.repeat(1000), 'b'])).rejects.toBeInstanceOf(LineTooLongError);
  await expect(read([`${'a'.repeat(1001)}\n`])).rejects.toBeInstanceOf(LineTooLongError);
  expect(await read(['a'.repeat(999), 'b\n'])).toEqual([`${'a'.repeat(999)}b`]);
});

test('between the lines of one chunk, the event loop has its turns', async () => {
  let turned = 0;
  class Counted extends WorkMeter {
    override async rest() {
      turned += 1;
      await super.rest();
    }
  }
  await read(['\n'.repeat(100_000)], 1000, new Counted());
  expect(turned).toBeGreaterThanOrEqual((100_000 * 512) / STEPS_PER_TURN - 1);
});
