import { describe, expect, test } from 'vitest';
import { InvalidOptionsError } from '../../../src/base/errors.js';
import { isGlobal } from '../../../src/egress/addresses.js';
import { type NetworkOptions, networkSchema } from '../../../src/egress/options.js';
import { HOST_NAME, isOwn, NO_PROXY } from '../../../src/egress/own-names.js';
import { Denial, EgressPolicy } from '../../../src/egress/policy.js';
import { parseAuthority, parseName, parseRule } from '../../../src/egress/rules.js';

const policy = (options: NetworkOptions) => new EgressPolicy(networkSchema.parse(options));
const reasonOf = (run: () => unknown): string => {
  try {
    run();
    return 'allowed';
  } catch (error) {
    expect(error).toBeInstanceOf(Denial);
    return (error as Denial).reason;
  }
};
const admits = (options: NetworkOptions, host: string, port = 443) =>
  reasonOf(() => policy(options).admit({ host, port }));

describe('host names', () => {
  test.each(['example.com', 'a.b-c.d_e.test', 'xn--bcher-kva.test', 'localhost', 'EXAMPLE.com', '1.a', '3com.test'])(
    '%s is one',
    (text) => expect(parseName(text)).toBe(text.toLowerCase()),
  );

  test.each([
    '',
    '.',
    'a..b',
    '.a',
    'a.',
    'a b',
    'a\0.test',
    'a\r\n.test',
    'a/b',
    'a@b',
    'a%2eb',
    'ä.test',
    'ａ.test',
    '-a.test',
    'a-.test',
    '*.test',
    `${'a'.repeat(64)}.test`,
    'a.'.repeat(130),
    '127.1',
    '2130706433',
    '0x7f000001',
    '0177.0.0.1',
    '127.0.0.0x1',
    '1.2.3.4.5',
    '256.1.1.1',
  ])('%j is none', (text) => expect(parseName(text)).toBeUndefined());

  test.each([
    ['ok.test:443', { host: 'ok.test', port: 443 }],
    ['10.0.0.7:1', { host: '10.0.0.7', port: 1 }],
    ['[FD00::1]:65535', { host: 'fd00::1', port: 65_535 }],
    ['ok.test', undefined],
    ['ok.test:', undefined],
    ['ok.test:0', undefined],
    ['ok.test:65536', undefined],
    ['ok.test:+80', undefined],
    ['ok.test:80:80', undefined],
    ['fd00::1:80', undefined],
    ['[fe80::1%eth0]:80', undefined],
    ['user@ok.test:80', undefined],
    ['ok.test:443 ', undefined],
    ['010.0.0.1:80', undefined],
  ])('%s as an authority', (text, expected) => expect(parseAuthority(text)).toEqual(expected));
});

describe('entries of the list', () => {
  test.each([
    '',
    'a b',
    'http://ok.test',
    'ok.test/path',
    '*ok.test',
    'a.*.test',
    'ok.test:0',
    'ok.test:99999',
    'bücher.test',
    'fd00::1',
    '[10.0.0.1]:80',
    '10.0.0.0/33',
    '10.0.0.0/',
    '[fd00::/129]',
    '127.1',
  ])('%j is refused by name', (text) => {
    expect(() => parseRule(text, 'network.allow.0')).toThrow(InvalidOptionsError);
    expect(() => parseRule(text, 'network.allow.0')).toThrow(`network.allow.0: '${text}'`);
  });

  test('a name is that name, a wildcard what is below it', () => {
    const allow = ['ok.test', '*.wild.test'];
    expect(admits({ allow }, 'ok.test')).toBe('allowed');
    expect(admits({ allow }, 'a.wild.test')).toBe('allowed');
    expect(admits({ allow }, 'a.b.wild.test')).toBe('allowed');
    for (const host of ['wild.test', 'evilwild.test', 'wild.test.evil', 'a.ok.test', 'ok.test.evil', 'evilok.test']) {
      expect(admits({ allow }, host), host).toBe('not-allowed');
    }
  });

  test('without a port it is for the ports of `ports`, with one for that one', () => {
    expect(admits({ allow: ['ok.test'] }, 'ok.test', 80)).toBe('allowed');
    expect(admits({ allow: ['ok.test'] }, 'ok.test', 22)).toBe('not-allowed');
    expect(admits({ allow: ['ok.test'], ports: [22] }, 'ok.test', 22)).toBe('allowed');
    expect(admits({ allow: ['ok.test'], ports: [22] }, 'ok.test', 443)).toBe('not-allowed');
    expect(admits({ allow: ['ok.test:22'] }, 'ok.test', 22)).toBe('allowed');
    expect(admits({ allow: ['ok.test:22'] }, 'ok.test', 443)).toBe('not-allowed');
  });

  test('deny wins, for every port unless it names one', () => {
    const allow = ['*.ok.test:8443', '*.ok.test'];
    expect(admits({ allow, deny: ['bad.ok.test'] }, 'bad.ok.test', 8443)).toBe('denied');
    expect(admits({ allow, deny: ['bad.ok.test:443'] }, 'bad.ok.test', 8443)).toBe('allowed');
    expect(admits({ allow: ['10.0.0.0/8'], deny: ['10.0.0.7'] }, '10.0.0.7')).toBe('denied');
    expect(
      reasonOf(() =>
        policy({ allow: ['*'], deny: ['8.8.8.0/24'] }).admitAddresses({ host: 'a.test', port: 443 }, ['8.8.8.8']),
      ),
    ).toBe('private-address');
  });

  test('an empty list lets nothing through', () => {
    for (const host of ['ok.test', '8.8.8.8', 'localhost']) expect(admits({ allow: [] }, host)).toBe('not-allowed');
  });

  test('a star is every name, but neither an address nor the host itself', () => {
    expect(admits({ allow: ['*'] }, 'any.test')).toBe('allowed');
    expect(admits({ allow: ['*'] }, '8.8.8.8')).toBe('not-allowed');
    expect(admits({ allow: ['*'] }, 'localhost')).toBe('not-allowed');
    expect(admits({ allow: ['*.localhost'] }, 'a.localhost')).toBe('not-allowed');
  });

  test('a port of the host is listed by any of its names, and has one inside', () => {
    const allow = (entry: string) => admits({ allow: [entry] }, HOST_NAME, 8080);
    for (const entry of ['localhost:8080', 'x.localhost:8080', '127.0.0.1:8080', '127.0.0.0/8:8080', '[::1]:8080']) {
      expect(allow(entry), entry).toBe('allowed');
    }
    expect(allow(`${HOST_NAME}:8080`)).toBe('allowed');
    expect(admits({ allow: ['localhost:8080'] }, HOST_NAME, 8081)).toBe('not-allowed');
    for (const entry of [
      '*',
      '*.internal',
      '*.ripcord.internal',
      '*.localhost',
      '0.0.0.0/0',
      '[::/0]',
      '126.0.0.0/7',
    ]) {
      expect(allow(`${entry}:8080`), entry).toBe('not-allowed');
    }
  });

  test('what denies the host by any name denies that one', () => {
    const denied = (entry: string) => admits({ allow: ['localhost:8080'], deny: [entry] }, HOST_NAME, 8080);
    for (const entry of ['localhost', 'localhost:8080', '*.localhost', '127.0.0.0/8', '127.0.0.1:8080', '[::1]', '*']) {
      expect(denied(entry), entry).toBe('denied');
    }
    for (const entry of ['localhost:8081', '10.0.0.0/8']) expect(denied(entry), entry).toBe('allowed');
  });
});

describe('addresses', () => {
  test.each(['1.1.1.1', '8.8.8.8', '172.15.0.1', '172.32.0.1', '192.169.0.1', '2606:4700::1111', '2a00:1450::1'])(
    '%s is of the public internet',
    (address) => expect(isGlobal(address)).toBe(true),
  );

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.0.0.1',
    '192.0.2.1',
    '192.168.1.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:8.8.8.8',
    '::ffff:127.0.0.1',
    '::7f00:1',
    '64:ff9b::7f00:1',
    '64:ff9b:1::1',
    '100::1',
    '2001::1',
    '2001:db8::1',
    '2002:7f00:1::',
    '3fff::1',
    'fc00::1',
    'fd00:ec2::254',
    'fe80::1',
    'fec0::1',
    'ff02::1',
  ])('%s is not', (address) => expect(isGlobal(address)).toBe(false));

  test('of a name: only public ones, and those that are listed themselves', () => {
    const target = { host: 'ok.test', port: 443 };
    const of = (options: NetworkOptions, ...addresses: string[]) => policy(options).admitAddresses(target, addresses);
    expect(of({ allow: ['ok.test'] }, '10.0.0.1', '8.8.8.8', '::1')).toEqual(['8.8.8.8']);
    expect(reasonOf(() => of({ allow: ['ok.test'] }, '10.0.0.1'))).toBe('private-address');
    expect(reasonOf(() => of({ allow: ['ok.test'] }))).toBe('private-address');
    expect(of({ allow: ['ok.test', '10.0.0.0/24'] }, '10.0.0.1')).toEqual(['10.0.0.1']);
    expect(reasonOf(() => of({ allow: ['ok.test', '10.0.0.0/24'] }, '10.0.1.1'))).toBe('private-address');
    expect(reasonOf(() => of({ allow: ['ok.test', '10.0.0.0/24:80'] }, '10.0.0.1'))).toBe('private-address');
  });

  test('of the host: loopback only, whatever a resolver says', () => {
    const options = { allow: ['localhost:80'] };
    const admit = (...addresses: string[]) => policy(options).admitAddresses({ host: HOST_NAME, port: 80 }, addresses);
    expect(admit('8.8.8.8', '127.0.0.1', '::1')).toEqual(['127.0.0.1', '::1']);
    expect(reasonOf(() => admit('8.8.8.8'))).toBe('private-address');
  });
});

describe('the sandbox itself', () => {
  test.each([
    'localhost',
    'a.localhost',
    'sandbox',
    '127.0.0.1',
    '127.255.0.9',
    '0.0.0.0',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:0.0.0.0',
  ])('is %s', (host) => expect(isOwn(host)).toBe(true));
  test.each([HOST_NAME, 'ok.test', 'localhost.ok.test', 'my-sandbox', '10.0.0.1', '8.8.8.8', 'fe80::1', '::2'])(
    'is not %s',
    (host) => expect(isOwn(host)).toBe(false),
  );

  test('is named to programs in forms that break none of them', () => {
    // httpx raises for a colon, and a name without a dot in front is for all below it with most.
    expect(NO_PROXY).not.toMatch(/[:[\]\s*]/);
    expect(NO_PROXY.split(',')).toEqual(expect.arrayContaining(['localhost', 'sandbox', '127.0.0.1', '0.0.0.0']));
  });
});
