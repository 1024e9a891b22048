/** The stream of events: bounded, in order, and honest about what is missing. */
import { expect, it } from 'vitest';
import type { RunEvent } from '../../../src/executor/events.js';
import { EventStream, type StreamedEvent } from '../../../src/executor/task/event-stream.js';

let seq = 0;
const event = (type: 'output' | 'log', text = ''): RunEvent =>
  (type === 'output'
    ? { type, run: 'r', seq: ++seq, at: 0, iteration: 1, branch: 1, channel: 'stdout', text, omittedBytes: 0 }
    : { type, run: 'r', seq: ++seq, at: 0, iteration: 1, level: 'info', message: text }) as RunEvent;

async function rest(stream: EventStream): Promise<string[]> {
  stream.end();
  const seen: StreamedEvent[] = [];
  for await (const one of stream) seen.push(one);
  return seen.map((one) =>
    one.type === 'dropped'
      ? `dropped ${one.output}+${one.other}`
      : one.type === 'output'
        ? one.text
        : (one as { message: string }).message,
  );
}

const make = (max: number) => new EventStream('r', () => {}, max);

it('drops the oldest output first, and says how much', async () => {
  const stream = make(3);
  for (const one of [
    event('output', 'a'),
    event('log', 'b'),
    event('output', 'c'),
    event('log', 'd'),
    event('log', 'e'),
  ])
    stream.push(one);
  expect(await rest(stream)).toEqual(['dropped 2+0', 'b', 'd', 'e']);
});

it('drops new output rather than anything else', async () => {
  const stream = make(2);
  for (const one of [event('log', 'a'), event('log', 'b'), event('output', 'c')]) stream.push(one);
  expect(await rest(stream)).toEqual(['dropped 1+0', 'a', 'b']);
});

it('drops the oldest of the rest when there is no output to drop', async () => {
  const stream = make(2);
  for (const text of ['a', 'b', 'c']) stream.push(event('log', text));
  expect(await rest(stream)).toEqual(['dropped 0+1', 'b', 'c']);
});

it('hands an event to a reader that waits', async () => {
  const stream = make(1);
  const next = stream.next();
  stream.push(event('log', 'now'));
  expect((await next).value).toMatchObject({ message: 'now' });
  const waiting = stream.next();
  stream.end();
  expect(await waiting).toEqual({ done: true, value: undefined });
});

it('is closed by leaving the loop', async () => {
  let closed: EventStream | undefined;
  const stream = new EventStream('r', (which) => {
    closed = which;
  });
  stream.push(event('log', 'a'));
  for await (const _ of stream) break;
  expect(closed).toBe(stream);
  stream.push(event('log', 'b'));
  expect(await stream.next()).toEqual({ done: true, value: undefined });
});

it('holds no more than its bound, whatever is pushed', async () => {
  const stream = make(100);
  for (let index = 0; index < 10_000; index++) stream.push(event(index % 10 === 0 ? 'log' : 'output', `${index}`));
  const seen = await rest(stream);
  expect(seen).toHaveLength(101);
  expect(seen[0]).toBe('dropped 9000+900');
});
