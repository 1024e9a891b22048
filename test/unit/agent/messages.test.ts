import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeError, decodeExit, decodeReady, decodeStats, encodeSpawn } from '../../../src/agent/messages.js';
import { RipcordError } from '../../../src/base/errors.js';
import { errnoName, signalName, signalNumber } from '../../../src/base/linux.js';

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

describe('decoding what the agent says', () => {
  it('either gives a message or a typed error, whatever the bytes are', () => {
    const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));
    for (const decode of [decodeReady, decodeExit, decodeStats, decodeError]) {
      fc.assert(
        fc.property(bytes, (payload) => {
          try {
            decode(payload);
          } catch (error) {
            expect(error).toBeInstanceOf(RipcordError);
            expect(error).toMatchObject({ code: 'protocol' });
          }
        }),
      );
    }
  });

  it('takes a message that has grown fields at its end', () => {
    const exit = Buffer.concat([Buffer.alloc(80), Buffer.from('more in a later version')]);
    expect(decodeExit(exit)).toMatchObject({ outcome: 'exited', exitCode: 0, signal: null, stage: 'none' });
  });

  it('takes the variables of READY apart at their first =, and an older READY without any', () => {
    const text = (value: string) => Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(value)]);
    const before = Buffer.concat([Buffer.alloc(8), text('build'), text('kernel')]);
    expect(decodeReady(before)).toMatchObject({ build: 'build', kernel: 'kernel', environment: {} });
    const variables = ['A=b=c', 'EMPTY=', 'nothing', '=x', '__proto__=y', 'Ü=ü'];
    const { environment } = decodeReady(Buffer.concat([before, u32(variables.length), ...variables.map(text)]));
    expect(Object.entries(environment!)).toEqual([
      ['A', 'b=c'],
      ['EMPTY', ''],
      ['__proto__', 'y'],
      ['Ü', 'ü'],
    ]);
    expect(decodeReady(Buffer.concat([before, u32(0xffff_ffff)])).environment).toBeUndefined();
    expect(() => decodeReady(Buffer.concat([before, u32(2 ** 31), text('A=1')]))).toThrow(/too short/);
  });

  it('tells a figure that is missing from one that is zero', () => {
    const payload = Buffer.alloc(64, 0xff);
    payload.writeUInt32LE(5, 0);
    payload.writeBigUInt64LE(0n, 4);
    const { token, stats } = decodeStats(payload);
    expect(token).toBe(5);
    expect(stats).toMatchObject({ memoryBytes: 0, memoryPeakBytes: undefined, cpuMs: undefined, pids: undefined });
    expect(stats.agentRssBytes).toBeUndefined();
  });

  it('refuses an outcome there is not', () => {
    const exit = Buffer.alloc(80);
    exit[0] = 99;
    expect(() => decodeExit(exit)).toThrow('unknown outcome');
  });
});

describe('encodeSpawn', () => {
  const request = {
    argv: ['echo', 'grüße €'],
    flags: 2,
    timeoutMs: 1000,
    graceMs: 500,
    drainMs: 200,
    head: undefined,
    tail: 0,
    killAtBytes: 0,
    credit: 524_288,
    cols: 0,
    rows: 0,
    user: '1000:1000',
    cwd: '/workspace',
    env: { A: 'b=c', EMPTY: '' },
  };

  it('lays the fields out as docs/internals/protocol.md has them', () => {
    const bytes = encodeSpawn(request);
    expect(bytes.readUInt16LE(0)).toBe(2);
    expect(bytes.readBigUInt64LE(2)).toBe(1000n);
    expect(bytes.readUInt32LE(10)).toBe(500);
    expect(bytes.readBigUInt64LE(14)).toBe(0xffff_ffff_ffff_ffffn);
    expect(bytes.readBigUInt64LE(30)).toBe(0xffff_ffff_ffff_ffffn);
    expect(bytes.readUInt32LE(54)).toBe(524_288);
    let at = 66;
    const str = () => {
      const length = bytes.readUInt32LE(at);
      at += 4 + length;
      return bytes.toString('utf8', at - length, at);
    };
    const count = () => {
      at += 4;
      return bytes.readUInt32LE(at - 4);
    };
    expect([str(), str()]).toEqual(['1000:1000', '/workspace']);
    expect(Array.from({ length: count() }, str)).toEqual(request.argv);
    expect(Array.from({ length: count() }, str)).toEqual(['A=b=c', 'EMPTY=']);
    expect(count()).toBe(request.drainMs);
    expect(at).toBe(bytes.length);
  });

  it('carries figures of more than 32 bits', () => {
    const figures = [0, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, Number.MAX_SAFE_INTEGER];
    for (const timeoutMs of figures) {
      expect(encodeSpawn({ ...request, timeoutMs }).readBigUInt64LE(2)).toBe(BigInt(timeoutMs));
      const exit = Buffer.alloc(80);
      exit.writeBigUInt64LE(BigInt(timeoutMs), 40);
      expect(decodeExit(exit).stdoutBytes).toBe(timeoutMs);
    }
  });

  it('takes strings of any length and text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400 }), { minLength: 1, maxLength: 5 }), (argv) => {
        const bytes = encodeSpawn({ ...request, argv });
        const strings = argv.reduce((sum, argument) => sum + 4 + Buffer.byteLength(argument), 0);
        const rest = encodeSpawn({ ...request, argv: [] }).length;
        expect(bytes.length).toBe(rest + strings);
      }),
    );
  });
});

describe('Linux’s numbers', () => {
  it('have their names, and unknown ones a name all the same', () => {
    expect([errnoName(2), errnoName(13), errnoName(11), errnoName(9999)]).toEqual([
      'ENOENT',
      'EACCES',
      'EAGAIN',
      'E9999',
    ]);
    expect([signalName(9), signalName(11), signalName(15), signalName(64)]).toEqual([
      'SIGKILL',
      'SIGSEGV',
      'SIGTERM',
      'SIG64',
    ]);
  });

  it('go there and back', () => {
    for (let number = 1; number <= 31; number++) expect(signalNumber(signalName(number))).toBe(number);
    expect(signalNumber('SIGNOPE')).toBeUndefined();
    expect(signalNumber('term')).toBeUndefined();
  });
});
