import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { Tokens } from '../../../src/http/auth.js';
import { Guards } from '../../../src/http/guards.js';

const token = 'x'.repeat(43);
const guards = new Guards(new Set(['api.example.org']), new Tokens([{ name: 'one', token }]), true);
function refusal(headers: Record<string, string>, url = '/v1/sandboxes', preview = false): string | undefined {
  const rawHeaders = Object.entries(headers).flat();
  try {
    guards.check({ url, headers, rawHeaders } as unknown as IncomingMessage, preview);
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

describe('a preview', () => {
  const host = 'localhost:8080';
  const asked = (headers: Record<string, string>, url = '/p/secret/') => refusal({ host, ...headers }, url, true);

  it('may be called by its own pages, whose origin is none', () => {
    for (const mode of ['navigate', 'cors', 'no-cors', 'websocket']) {
      expect(asked({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode }), mode).toBeUndefined();
      expect(asked({ origin: 'null', 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode }), mode).toBeUndefined();
    }
  });

  it('may not be called by pages of other origins, nor under another name', () => {
    expect(asked({ origin: 'http://evil.example' })).toBe('origin-refused');
    expect(asked({ origin: 'http://localhost:9999' })).toBe('origin-refused');
    expect(asked({ host: 'evil.example' })).toBe('host-refused');
  });

  it('may have secrets of its own in its addresses, and none of the server', () => {
    expect(asked({}, '/p/secret/?token=of-a-dev-server')).toBeUndefined();
    expect(asked({}, `/p/secret/?token=${token}`)).toBe('token-in-url');
    expect(refusal({ host }, '/v1/sandboxes?token=x')).toBe('token-in-url');
  });
});
