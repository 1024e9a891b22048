import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Tokens } from '../../../src/server/auth.js';
import { Guards } from '../../../src/server/guards.js';

const guards = new Guards(new Set(['api.example.org']), new Tokens([]), true);
function refusal(headers: Record<string, string>): string | undefined {
  const rawHeaders = Object.entries(headers).flat();
  try {
    guards.check({ url: '/v1/sandboxes', headers, rawHeaders } as unknown as IncomingMessage);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('a Unix socket', () => {
  it.each(['localhost', 'LOCALHOST:8080', '127.0.0.1:1', '127.9.9.9', '[::1]:8080', '[::1]', 'api.example.org'])(
    'answers to %s',
    (host) => expect(refusal({ host })).toBeUndefined(),
  );

  it.each([
    'evil.example',
    'evil.example:8080',
    'localhost.evil.example',
    'evil.localhost',
    '127.0.0.1.evil.example',
    '10.0.0.1',
    '0.0.0.0',
    '[::]',
    '::1',
    '',
    'localhost:80:80',
    'localhost@evil.example',
  ])('does not answer to %j', (host) => expect(refusal({ host })).toBe('host-refused'));

  it('refuses pages of other origins, as TCP does', () => {
    const host = 'localhost:8080';
    expect(refusal({ host, origin: 'http://localhost:8080' })).toBeUndefined();
    for (const origin of ['http://evil.example', 'null', 'http://localhost:9999']) {
      expect(refusal({ host, origin }), origin).toBe('origin-refused');
    }
    expect(refusal({ host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' })).toBe('origin-refused');
    expect(refusal({ host, 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'cors' })).toBe('origin-refused');
  });
});
