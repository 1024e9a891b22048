import { expect, test } from 'vitest';
import { networkBuildArgs } from '../../../src/backends/docker/images/network.js';

test('a build gets the proxy and the Debian sources of this machine, and nothing else of its environment', () => {
  expect(networkBuildArgs({ SECRET: 'x', https_proxy: 'http://p:1', RIPCORD_APT_SOURCES: 'deb a b c' })).toEqual({
    https_proxy: 'http://p:1',
    APT_SOURCES: 'deb a b c',
  });
});

test('a proxy for packages alone comes before the one for everything', () => {
  expect(networkBuildArgs({ http_proxy: 'http://all', RIPCORD_APT_PROXY: 'http://apt' }).http_proxy).toBe('http://apt');
});
