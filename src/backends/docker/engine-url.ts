import { invalidEndpoint } from './endpoint-error.js';

/** Address of the engine's machine, for ssh. */
export interface SshTarget {
  user?: string;
  /** Name, or alias in the user's ssh configuration. */
  host: string;
  port?: string;
  /** Path of the engine's socket on that machine, if it is not the default. */
  socketPath?: string;
}

type EngineUrl =
  | { kind: 'socket'; path: string }
  | { kind: 'tcp'; hostname: string; port: string; prefix: string; secure: boolean }
  | { kind: 'ssh'; target: SshTarget };

/**
 * Parses a value of DOCKER_HOST: `unix:///path`, `npipe:////./pipe/name`, `tcp://host:port/prefix`, `http(s)://…`,
 * `ssh://user@host:port/path`, an absolute path, or `host:port`. An empty socket path means the usual one.
 */
export function parseHost(text: string, source: string): EngineUrl {
  if (text.startsWith('/') || text.startsWith('\\\\')) return { kind: 'socket', path: text };
  const socket = /^(?:unix|npipe):\/\/(.*)$/.exec(text);
  if (socket) return { kind: 'socket', path: socket[1]! };

  const withScheme = text.includes('://') ? text : `tcp://${text}`;
  const scheme = withScheme.slice(0, withScheme.indexOf('://'));
  if (!['tcp', 'http', 'https', 'ssh'].includes(scheme)) {
    throw invalidEndpoint(`the scheme ${JSON.stringify(scheme)} is not known`, source, {
      hint: 'Known are unix://, npipe://, tcp://, http://, https:// and ssh://.',
    });
  }
  if (!URL.canParse(withScheme)) throw invalidEndpoint(`${JSON.stringify(redacted(text))} is not a URL`, source);
  const url = new URL(withScheme);
  if (url.hostname === '') throw invalidEndpoint(`${JSON.stringify(redacted(text))} names no host`, source);
  if (url.search !== '' || url.hash !== '') throw invalidEndpoint('a query or fragment means nothing here', source);
  return scheme === 'ssh' ? ssh(url, source) : tcp(url, source);
}

function tcp(url: URL, source: string): EngineUrl {
  if (url.username !== '' || url.password !== '') {
    throw invalidEndpoint('a user name or password in the URL is not supported', source);
  }
  const secure = url.protocol === 'https:' || url.port === '2376';
  // URL drops the default port of its scheme. For an engine, http then means port 80, not 2375.
  const port = url.port || { 'http:': '80', 'https:': '443' }[url.protocol] || '';
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '');
  return { kind: 'tcp', hostname: unbracketed(url.hostname), port, prefix, secure };
}

function ssh(url: URL, source: string): EngineUrl {
  if (url.password !== '') {
    throw invalidEndpoint('a password in an ssh URL is not supported', source, { hint: 'Use a key or an ssh agent.' });
  }
  const target: SshTarget = { host: unbracketed(decodeURIComponent(url.hostname)) };
  if (url.username !== '') target.user = decodeURIComponent(url.username);
  if (url.port !== '') target.port = url.port;
  if (url.pathname !== '' && url.pathname !== '/') target.socketPath = decodeURIComponent(url.pathname);
  // Refuse a leading dash: ssh would parse it as an option, and -oProxyCommand=… runs any command.
  for (const name of [target.host, target.user ?? '']) {
    if (name.startsWith('-')) throw invalidEndpoint('a host or user cannot begin with a dash', source);
  }
  return { kind: 'ssh', target };
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/** Removes credentials, because messages are logged. */
function redacted(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//…@');
}
