import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { readProgress } from '../../../src/backends/docker/images/image-progress.js';

const never = new AbortController().signal;

async function read(chunks: (string | Buffer)[], signal: AbortSignal = never) {
  const events = [];
  for await (const event of readProgress(Readable.from(chunks.map((chunk) => Buffer.from(chunk as string))), signal))
    events.push(event);
  return events;
}

describe('the progress of a build or a pull', () => {
  test('is read across chunk borders, also inside a character', async () => {
    const bytes = Buffer.from('{"stream":"größe\\n"}\n{"aux":{"ID":"sha256:1"}}\n');
    const events = await read([...bytes].map((byte) => Buffer.from([byte])));
    expect(events).toEqual([
      { lines: ['größe'], imageId: undefined },
      { lines: [], imageId: 'sha256:1' },
    ]);
  });

  test('loses the colours and the carriage returns of the commands in it', async () => {
    const [event] = await read([`${JSON.stringify({ stream: '\u001b[91mred\u001b[0m\r\nnext\r' })}\n`]);
    expect(event?.lines).toEqual(['red', 'next']);
  });

  test('shows a pull as id, status and bar', async () => {
    const [event] = await read(['{"status":"Downloading","id":"abc","progress":"[=> ] 1MB"}\n']);
    expect(event?.lines).toEqual(['abc Downloading [=> ] 1MB']);
  });

  test('reads a last line without its newline', async () => {
    expect(await read(['{"status":"done"}'])).toHaveLength(1);
  });

  test('ends with the words of the engine when the build failed', async () => {
    await expect(read(['{"stream":"x"}\n{"error":"exit code 7"}\n'])).rejects.toThrow('exit code 7');
  });

  test('ends when the engine sends something else', async () => {
    await expect(read(['<html>\n'])).rejects.toThrow('unreadable progress');
  });

  test('ends when a line never ends', async () => {
    const endless = Array.from({ length: 32 }, () => 'x'.repeat(64 * 1024));
    await expect(read(endless)).rejects.toThrow('without an end');
  });

  test('ends with the reason of an abort, in the middle of a stream that says nothing', async () => {
    const abort = new AbortController();
    const silent = new Readable({ read() {} });
    const reading = (async () => {
      for await (const _ of readProgress(silent, abort.signal));
    })();
    abort.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    expect(silent.destroyed).toBe(true);
  });
});
