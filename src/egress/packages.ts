/**
 * Expands `@npm`, `@pip` and `@apt` in a list to the hosts that these tools use on this machine, as the tools report
 * them.
 */
import { execFile } from 'node:child_process';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { promisify } from 'node:util';
import { InvalidOptionsError } from '../base/errors.js';
import { isGlobal } from './addresses.js';
import { HOST_NAME, isLocal } from './own-names.js';
import { formatHost, parseRule } from './rules.js';

const run = promisify(execFile);
const TOOL_MS = 30_000;
/**
 * Time in milliseconds for which an answer is cached, so that sandboxes created at the same time share it. A change of
 * the settings takes effect after it.
 */
const FRESH_MS = 30_000;

/** Settings of one tool. */
interface Registries {
  /** Entries for an allow list. */
  allow: string[];
  /** Variables that point the tool inside to the same registry, without credentials. */
  env: Record<string, string>;
}

const TOOLS: Record<string, () => Promise<Registries>> = { '@npm': npm, '@pip': pip, '@apt': apt };
const answers = new Map<string, { at: number; registries: Promise<Registries> }>();

export const isPackageEntry = (entry: string): boolean => entry.startsWith('@');

/**
 * Checks an entry that begins with `@`.
 * @throws InvalidOptionsError for a word other than `@npm`, `@pip` and `@apt`
 */
export function checkPackageEntry(entry: string, option: string): void {
  if (entry in TOOLS) return;
  const known = Object.keys(TOOLS).join(', ');
  throw new InvalidOptionsError(`create: ${option}: '${entry}': expected one of ${known}, or a host`);
}

/**
 * Replaces these words in a list by hosts.
 * @throws InvalidOptionsError for an unknown word, and if the tool is missing or reports no host
 */
export async function resolvePackages(allow: readonly string[]): Promise<Registries> {
  const found = await Promise.all(
    allow.map(async (entry, index) => {
      const option = `network.allow.${index}`;
      if (isPackageEntry(entry)) return ask(entry, option);
      parseRule(entry, option);
      return { allow: [entry], env: {} };
    }),
  );
  const env = Object.assign({}, ...found.map((each) => each.env)) as Record<string, string>;
  return { allow: [...new Set(found.flatMap((each) => each.allow))], env };
}

async function ask(entry: string, option: string): Promise<Registries> {
  checkPackageEntry(entry, option);
  const settings = Object.entries(process.env).filter(([name]) => /^(npm_|pip_|path$|home$)/i.test(name));
  const key = JSON.stringify([entry, settings]);
  const known = answers.get(key);
  const fresh = known && performance.now() - known.at < FRESH_MS;
  const registries = fresh ? known.registries : TOOLS[entry]!();
  if (!fresh) answers.set(key, { at: performance.now(), registries });
  try {
    return await registries;
  } catch (cause) {
    answers.delete(key);
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? `this machine has no ${entry.slice(1)}` : message;
    throw new InvalidOptionsError(`create: ${option}: '${entry}': ${why}`, {
      cause,
      hint: 'The word stands for what that tool is set to on this machine; list the hosts by name instead.',
    });
  }
}

/** Reads npm's registry, the registries of scopes, and the host of an archive, which may differ. */
async function npm(): Promise<Registries> {
  const [listed, registry, archive] = await Promise.all([
    tool('npm', ['config', 'list']),
    tool('npm', ['config', 'get', 'registry']),
    // The registry may not have that package.
    tool('npm', ['view', 'npm', 'dist.tarball', '--fetch-retries=0']).catch(() => ''),
  ]);
  const scoped = [...listed.matchAll(/^"?@[^\s"]+:registry"? = "?([^"\s]+)"?$/gm)].map(([, url]) => url!);
  const isSet = /^registry = /m.test(listed);
  return {
    allow: await entriesOf([registry, ...scoped, ...urlsIn(archive)]),
    env: isSet ? { npm_config_registry: insideUrl(registry.trim()) } : {},
  };
}

const PIP_REPORT = [
  ...['install', '--dry-run', '--no-deps', '--ignore-installed', '--no-input', '--disable-pip-version-check'],
  ...['--quiet', '--report', '-', 'pip'],
];

/** Reads pip's indexes, and the host of a file that the index links to. pip's help shows the default index. */
async function pip(): Promise<Registries> {
  const command = await firstTool(['pip3', 'pip']);
  const [listed, help, report] = await Promise.all([
    tool(command, ['config', 'list']),
    tool(command, ['install', '--help']),
    // Ignore local directories with wheels: they would be used in place of the index.
    tool(command, PIP_REPORT, { PIP_FIND_LINKS: '' }).catch(() => ''),
  ]);
  const settings = [...listed.matchAll(/^(\S+?)\.([a-z-]+)=(.*)$/gm)];
  const setting = (name: string): string[] => {
    const values = settings.filter(([, , key]) => key === name);
    // Precedence in pip: a variable over a command's section, that over the global section.
    const order = [':env:', 'install', 'global'];
    const best = order.map((section) => values.find(([, where]) => where === section)).find(Boolean) ?? values[0];
    return urlsIn(best?.[3] ?? '');
  };
  const main = setting('index-url');
  const extra = setting('extra-index-url');
  const byDefault = urlsIn(/--index-url.*?\(default:?\s+(\S+?)\)/s.exec(help)?.[1] ?? '');
  const files = urlsIn(/"url":\s*"([^"]+)"/.exec(report)?.[1] ?? '');
  const indexes = [...(main.length > 0 ? main : byDefault), ...extra];
  return {
    allow: await entriesOf([...indexes, ...setting('find-links'), ...files]),
    env: {
      ...(main.length > 0 && { PIP_INDEX_URL: insideUrl(main[0]!) }),
      ...(extra.length > 0 && { PIP_EXTRA_INDEX_URL: extra.map(insideUrl).join(' ') }),
    },
  };
}

/** Reads the sites of all apt sources, in both formats. */
async function apt(): Promise<Registries> {
  const sites = await tool('apt-get', ['indextargets', '--format', '$(SITE)']);
  return { allow: await entriesOf(urlsIn(sites)), env: {} };
}

/** Runs a tool outside of any project, because a project's settings may be untrusted. */
async function tool(command: string, args: readonly string[], variables: NodeJS.ProcessEnv = {}): Promise<string> {
  const env = { ...process.env, ...variables };
  const { stdout } = await run(command, args, { cwd: homedir(), env, timeout: TOOL_MS, maxBuffer: 16 * 1024 ** 2 });
  return stdout;
}

async function firstTool(commands: readonly string[]): Promise<string> {
  for (const command of commands) {
    if (await tool(command, ['--version']).catch(() => undefined)) return command;
  }
  throw Object.assign(new Error('not found'), { code: 'ENOENT' });
}

const urlsIn = (text: string): string[] => text.match(/https?:\/\/[^\s'"\\<>)]+/g) ?? [];

/**
 * Returns entries for the hosts. An internal host has a private address, so its address is listed too: otherwise the
 * address check would refuse it.
 */
async function entriesOf(urls: readonly string[]): Promise<string[]> {
  const hosts = new Map<string, { host: string; port: number }>();
  for (const text of urls.flatMap(urlsIn)) {
    if (!URL.canParse(text)) continue;
    const { hostname, port, protocol } = new URL(text);
    const host = hostname.replace(/^\[(.*)\]$/, '$1');
    const target = { host, port: Number(port || (protocol === 'https:' ? 443 : 80)) };
    hosts.set(`${formatHost(host)}:${target.port}`, target);
  }
  if (hosts.size === 0) throw new Error('the tool names no http:// or https:// address');
  const entries = await Promise.all(
    [...hosts].map(async ([entry, { host, port }]) => {
      if (isIP(host) || isLocal(host)) return [entry];
      const addresses = await lookup(host, { all: true }).catch(() => []);
      const own = addresses.filter(({ address }) => !isGlobal(address));
      return [entry, ...own.map(({ address }) => `${formatHost(address)}:${port}`)];
    }),
  );
  return entries.flat();
}

/**
 * Returns the URL of a registry for a program inside: without credentials, and with the host's name inside for this
 * machine.
 */
function insideUrl(text: string): string {
  const url = new URL(text);
  url.username = '';
  url.password = '';
  if (isLocal(url.hostname) || url.hostname === '127.0.0.1' || url.hostname === '[::1]') url.hostname = HOST_NAME;
  return url.href;
}
