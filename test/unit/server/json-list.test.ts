import { text } from 'node:stream/consumers';
import type { FastifyReply } from 'fastify';
import { expect, it } from 'vitest';
import { sendList, sendWithList } from '../../../src/server/json-list.js';

const reply = { type: () => reply } as unknown as FastifyReply;
const sent = (items: unknown[]) => sendList(reply, items) as unknown as NodeJS.ReadableStream;

it.each([0, 1, 255, 256, 257, 1000])('a list of %i is the JSON that it would be at once', async (length) => {
  const items = Array.from({ length }, (_, id) => ({ id, path: `a"b\n${id}` }));
  expect(await text(sent(items))).toBe(JSON.stringify(items));
});

it('a list may be a field of an object', async () => {
  const stream = sendWithList(reply, 'changes', [1, 2], { ignored: ['x'], count: 1 });
  expect(await text(stream as unknown as NodeJS.ReadableStream)).toBe('{"changes":[1,2],"ignored":["x"],"count":1}');
});

it('goes in pieces, with turns of the event loop between them', async () => {
  let turns = 0;
  let pieces = 0;
  const timer = setInterval(() => turns++, 0);
  try {
    const items = Array.from({ length: 100_000 }, (_, id) => ({ id, path: 'x'.repeat(200) }));
    for await (const _ of sent(items)) pieces++;
  } finally {
    clearInterval(timer);
  }
  expect(pieces).toBeGreaterThan(100);
  expect(turns).toBeGreaterThan(10);
});
