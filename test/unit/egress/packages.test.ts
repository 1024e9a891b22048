/** Package managers that say what they are set to; these here are scripts. */
import { chmodSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { InvalidOptionsError } from '../../../src/base/errors.js';
import { checkPackageEntry, resolvePackages } from '../../../src/egress/packages.js';
import { checkEgress, checkPackages, parseAllowEgress } from '../../../src/server/caller-egress.js';
import { makeTempDir, type TempDir } from '../../helpers/fixtures.js';

let tools: TempDir;
beforeEach(async () => {
  tools = await makeTempDir('tools');
  vi.stubEnv('PATH', `${tools.path}:/bin:/usr/bin`);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await tools.remove();
});

/** A tool that answers by its arguments, given as patterns of the shell. */
function install(name: string, answers: Record<string, string>): void {
  const cases = Object.entries(answers).map(
    ([args, text]) => `${args.replaceAll(' ', '\\ ')}) cat <<'END'\n${text}\nEND\n;;`,
  );
  writeFileSync(`${tools.path}/${name}`, `#!/bin/sh\ncase "$*" in\n${cases.join('\n')}\n*) exit 1;;\nesac\n`);
  chmodSync(`${tools.path}/${name}`, 0o755);
}
const pip = (config: string, file = '', fallback = 'https://index.example.org/simple') =>
  install('pip3', {
    '--version': 'pip 99',
    'config*': config,
    'install*--help': `  -i, --index-url <url>  Base URL of the Package Index (default\n      ${fallback}). This should`,
    'install*--report*': `{"install": [{"download_info": {"url": "${file}"}}]}`,
  });
const npm = (config: string, registry: string, archive = '') =>
  install('npm', { 'config list': config, 'config get registry': registry, 'view*': archive });
const allow = async (...entries: string[]) => (await resolvePackages(entries)).allow;

describe('@npm', () => {
  test('is the registry, those of scopes, and where archives are', async () => {
    const config =
      '; "user" config\n@corp:registry = "https://npm.example.com:8443/corp/"\nregistry = "https://u:p@npm.example.org/"\n//npm.example.org/:_authToken = (protected)';
    npm(config, 'https://u:p@npm.example.org/', 'https://cdn.example.org/npm.tgz');
    const { allow, env } = await resolvePackages(['@npm']);
    expect(allow).toEqual(['npm.example.org:443', 'npm.example.com:8443', 'cdn.example.org:443']);
    expect(env).toEqual({ npm_config_registry: 'https://npm.example.org/' });
  });

  test('with npm’s own default sets nothing inside, and needs no archive', async () => {
    npm('; node version = v20', 'https://registry.example.org/');
    expect(await resolvePackages(['@npm'])).toEqual({ allow: ['registry.example.org:443'], env: {} });
  });

  test('on this machine is its name inside', async () => {
    npm('registry = "http://localhost:4873/"', 'http://localhost:4873/');
    const { allow, env } = await resolvePackages(['@npm']);
    expect(allow).toEqual(['localhost:4873']);
    expect(env.npm_config_registry).toBe('http://host.ripcord.internal:4873/');
  });

  test('in the house has an address of the house', async () => {
    npm('', 'http://10.0.0.7:4873/');
    expect(await allow('@npm')).toEqual(['10.0.0.7:4873']);
  });
});

describe('@pip', () => {
  test('is the index by default, and where its files are', async () => {
    pip(":env:.disable-pip-version-check='1'", 'https://files.example.org/pip.whl');
    expect(await resolvePackages(['@pip'])).toEqual({
      allow: ['index.example.org:443', 'files.example.org:443'],
      env: {},
    });
  });

  test('is what it is set to: a variable before a section, further indexes, links', async () => {
    pip(
      "global.index-url='https://global.example.org/simple'\nglobal.extra-index-url='https://a.example.org/s\\nhttps://u:p@b.example.org:8443/s'\n" +
        ":env:.index-url='https://u:p@env.example.org/simple'\nglobal.find-links='/opt/wheels http://links.example.org/'",
    );
    const { allow, env } = await resolvePackages(['@pip']);
    expect(allow).toEqual(['env.example.org:443', 'a.example.org:443', 'b.example.org:8443', 'links.example.org:80']);
    expect(env).toEqual({
      PIP_INDEX_URL: 'https://env.example.org/simple',
      PIP_EXTRA_INDEX_URL: 'https://a.example.org/s https://b.example.org:8443/s',
    });
  });
});

test('@apt is every site of its sources', async () => {
  const sites =
    'http://deb.example.org/debian\nhttp://deb.example.org/debian\nhttps://sec.example.org/debian-security\ncdrom:[x]/';
  install('apt-get', { 'indextargets*': sites });
  expect(await allow('@apt', 'ok.test')).toEqual(['deb.example.org:80', 'sec.example.org:443', 'ok.test']);
});

describe('refused by name:', () => {
  test('a word that is none', async () => {
    await expect(resolvePackages(['ok.test', '@cargo'])).rejects.toThrow(
      "create: network.allow.1: '@cargo': expected one of @npm, @pip, @apt",
    );
    await expect(resolvePackages(['@npm', 'a b'])).rejects.toThrow("network.allow.1: 'a b'");
    expect(() => checkPackageEntry('@constructor', 'x')).toThrow(InvalidOptionsError);
  });

  test('a tool that is missing, or answers nothing', async () => {
    vi.stubEnv('PATH', tools.path);
    await expect(resolvePackages(['@apt'])).rejects.toThrow("network.allow.0: '@apt': this machine has no apt");
    vi.stubEnv('PATH', `${tools.path}:/bin`);
    npm('', 'undefined');
    await expect(resolvePackages(['@npm'])).rejects.toThrow('the tool names no http:// or https:// address');
  });
});

describe('callers of a server', () => {
  const network = (...allow: string[]) => ({ allow, deny: [], ports: [80, 443], maxConnections: 64 });

  test('get them where the operator gave them, and by no star', () => {
    for (const given of [['*'], ['@pip'], ['npm.example.org']]) {
      expect(() => checkEgress(network('@npm'), given), given.join()).toThrow("may not reach '@npm'");
    }
    expect(() => checkEgress(network('@npm'), ['@npm'])).not.toThrow();
    expect(() => parseAllowEgress(['@cargo'], 'allowEgress')).toThrow('@cargo');
  });

  test('get none that is a port of this machine', async () => {
    npm('', 'http://127.0.0.1:4873/');
    await expect(checkPackages(['@npm'])).rejects.toMatchObject({ code: 'forbidden' });
    npm('', 'http://10.0.0.7:4873/');
    vi.stubEnv('npm_config_changed', '1');
    await expect(checkPackages(['@npm', 'ok.test'])).resolves.toBeUndefined();
  });
});
