import { once } from 'node:events';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { readClientHello } from '../../../src/egress/client-hello.js';

/** Returns the first bytes that Node's TLS sends. */
async function greeting(options: tls.ConnectionOptions): Promise<Buffer> {
  const wire = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      this.emit('greeting', chunk);
      done();
    },
  });
  const greeted = once(wire, 'greeting');
  const socket = tls.connect({ socket: wire, ...options });
  socket.on('error', () => {});
  const [bytes] = (await greeted) as [Buffer];
  socket.destroy();
  return bytes;
}

let real: Buffer;
beforeAll(async () => {
  real = await greeting({ servername: 'ok.test' });
});

/** A ClientHello of our own, with these extensions. */
function hello(extensions: [type: number, body: Buffer][], behind = Buffer.alloc(0)): Buffer {
  const u16 = (n: number) => Buffer.from([n >> 8, n & 0xff]);
  const list = Buffer.concat(extensions.flatMap(([type, body]) => [u16(type), u16(body.length), body]));
  const body = Buffer.concat([
    Buffer.from([3, 3]),
    Buffer.alloc(32),
    Buffer.from([0]),
    u16(2),
    Buffer.from([0x13, 0x01]),
    Buffer.from([1, 0]),
    u16(list.length),
    list,
    behind,
  ]);
  const handshake = Buffer.concat([Buffer.from([1, 0]), u16(body.length), body]);
  return Buffer.concat([Buffer.from([22, 3, 1]), u16(handshake.length), handshake]);
}
const name = (...names: string[]): [number, Buffer] => {
  const u16 = (n: number) => Buffer.from([n >> 8, n & 0xff]);
  const list = Buffer.concat(
    names.flatMap((text) => [Buffer.from([0]), u16(text.length), Buffer.from(text, 'latin1')]),
  );
  return [0, Buffer.concat([u16(list.length), list])];
};

describe('the name in a ClientHello', () => {
  test('is read, of a real one', () => {
    expect(readClientHello(real)).toEqual({ kind: 'hello', serverName: 'ok.test', encrypted: false });
  });

  test('is none where the client sends none', async () => {
    const anonymous = await greeting({ host: '127.0.0.1' });
    expect(readClientHello(anonymous)).toEqual({ kind: 'hello', serverName: undefined, encrypted: false });
  });

  test('is waited for byte by byte', () => {
    for (let length = 0; length < real.length; length++) {
      expect(readClientHello(real.subarray(0, length))).toEqual({ kind: 'incomplete' });
    }
  });

  test('comes with the word that another one may be hidden', () => {
    expect(readClientHello(hello([name('ok.test'), [0xfe0d, Buffer.alloc(8)]]))).toMatchObject({ encrypted: true });
  });

  test.each([
    ['plain HTTP', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
    ['another record', Buffer.from([23, 3, 3, 0, 5, 1, 2, 3, 4, 5])],
    ['SSL 2', Buffer.from([0x80, 0x2e, 1, 3, 1])],
    ['a record of no length', Buffer.from([22, 3, 1, 0, 0])],
    ['a record that is too long', Buffer.from([22, 3, 1, 0xff, 0xff])],
    ['two names', hello([name('ok.test', 'evil.test')])],
    ['the extension twice', hello([name('ok.test'), name('evil.test')])],
    ['bytes behind the extensions', hello([name('ok.test')], Buffer.from('x'))],
    ['a name of another type', hello([[0, Buffer.from([0, 4, 1, 0, 1, 0x61])]])],
    ['a length that leads out', hello([[0, Buffer.from([0, 9, 0, 0, 50, 0x61])]])],
  ])('is refused in %s', (_, bytes) => {
    expect(readClientHello(bytes).kind).toBe('not-tls');
  });

  test('is refused when the greeting is cut over two records', () => {
    const body = real.subarray(5);
    const record = (part: Buffer) =>
      Buffer.concat([Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part]);
    const split = Buffer.concat([record(body.subarray(0, 60)), record(body.subarray(60))]);
    expect(readClientHello(split)).toEqual({ kind: 'not-tls', why: 'the ClientHello is not exactly one record' });
  });

  test('of anything at all is an answer, never an exception', () => {
    const mutated = fc
      .array(fc.record({ at: fc.nat(real.length - 1), byte: fc.nat(255) }), { minLength: 1, maxLength: 8 })
      .map((changes) => {
        const copy = Buffer.from(real);
        for (const { at, byte } of changes) copy[at] = byte;
        return copy;
      });
    const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from([22, 3, 1, ...bytes]));
    fc.assert(
      fc.property(fc.oneof(mutated, noise), (bytes) => {
        expect(['incomplete', 'not-tls', 'hello']).toContain(readClientHello(bytes).kind);
      }),
      { numRuns: 3000 },
    );
  });
});
