import { expect, it } from 'vitest';
import { outwards } from '../../../src/server/ports/headers.js';

const prefix = '/v1/sandboxes/aaaaaaaaaaaa/ports/8000';
const place = {
  prefix,
  target: '/dir/page?x',
  host: 'API.example.org:7077',
  origin: undefined,
  preview: false,
};
const location = (location: string) => outwards({ location }, place).location;

it.each([
  ['/next', '/next'],
  ['next?y#z', '/dir/next?y#z'],
  ['?y', '/dir/page?y'],
  ['../../../../../../v1/sandboxes/bbbbbbbbbbbb/ports/80/', '/v1/sandboxes/bbbbbbbbbbbb/ports/80/'],
  ['/../../bbbbbbbbbbbb/ports/80/', '/bbbbbbbbbbbb/ports/80/'],
  ['/%2e%2e/%2E%2e/b', '/b'],
  ['..\\..\\b', '/b'],
  ['http://localhost:8000/a', '/a'],
  ['http://127.0.0.1:7077/v1/sandboxes/bbbbbbbbbbbb/ports/80/', '/v1/sandboxes/bbbbbbbbbbbb/ports/80/'],
  ['//127.0.0.1:7077/b', '/b'],
  ['/\\127.0.0.1:7077/b', '/b'],
  ['http://[::1]:7077/b', '/b'],
  ['http://0x7f.1:7077/b', '/b'],
  ['HTTP://0.0.0.0:7077/b', '/b'],
  ['https://api.example.org:7077/b', '/b'],
  ['//api.example.org:7077/b', '/b'],
])('a redirect to %j stays below the prefix', (from, to) => expect(location(from)).toBe(prefix + to));

it.each(['https://other.example.org/login?x', 'http://other.example.org:8080/'])('one to %s leads there', (url) =>
  expect(location(url)).toBe(url),
);

it('one that is no URL leads to the start', () => expect(location('http://[')).toBe(prefix));

it('one that has the prefix of a preview already keeps it once', () => {
  const preview = { ...place, prefix: '/p/secret', preview: true };
  expect(outwards({ location: '/p/secret/next' }, preview).location).toBe('/p/secret/next');
  expect(outwards({ location: '/p/secretive/' }, preview).location).toBe('/p/secret/p/secretive/');
  expect(outwards({ location: '/p/other/' }, preview).location).toBe('/p/secret/p/other/');
});

it.each([
  'set-login',
  'accept-ch',
  'critical-ch',
  'use-as-dictionary',
  'activate-storage-access',
  'attribution-reporting-register-source',
  'attribution-reporting-register-trigger',
])('%s, which acts beyond a response, stays inside', (name) =>
  expect(outwards({ [name]: 'x', 'x-kept': 'y' }, place)).toEqual(outwards({ 'x-kept': 'y' }, place)),
);
