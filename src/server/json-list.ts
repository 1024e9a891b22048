/** Sends a list as JSON in pieces, so that the turns of the event loop stay short. */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyReply } from 'fastify';

/** Number of entries in a piece. At 250 bytes each, a piece takes well below a millisecond. */
const PIECE = 256;

/** Answers with `items` as a stream. A route returns the stream to fastify. */
export function sendList<Item>(reply: FastifyReply, items: Item[]): Item[] {
  reply.type('application/json; charset=utf-8');
  // The route is typed with the items, not with the stream that carries them.
  return Readable.from(pieces(items), { objectMode: false }) as unknown as Item[];
}

/** Answers with an object whose field `name` is a list. */
export function sendWithList<Name extends string, Item, Rest extends object>(
  reply: FastifyReply,
  name: Name,
  items: readonly Item[],
  rest: Rest,
): Record<Name, Item[]> & Rest {
  reply.type('application/json; charset=utf-8');
  const end = `,${JSON.stringify(rest).slice(1)}`;
  const stream = Readable.from(pieces(items, `{${JSON.stringify(name)}:`, end), { objectMode: false });
  return stream as unknown as Record<Name, Item[]> & Rest;
}

async function* pieces(items: readonly unknown[], start = '', end = ''): AsyncGenerator<string> {
  yield `${start}[`;
  for (let at = 0; at < items.length; at += PIECE) {
    const json = items.slice(at, at + PIECE).map((item) => JSON.stringify(item));
    yield `${at === 0 ? '' : ','}${json.join(',')}`;
    await nextTurn();
  }
  yield `]${end}`;
}
