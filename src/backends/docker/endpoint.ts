import type { Connection } from '../backend.js';
import { configuredContext } from './docker-config.js';
import { readContext } from './docker-context.js';
import { invalidEndpoint } from './endpoint-error.js';
import { parseHost, type SshTarget } from './engine-url.js';
import type { Environment } from './environment.js';
import type { DockerOption, EngineOptions } from './options.js';
import type { Certificates } from './tls-files.js';
import { environmentTls } from './tls-files.js';
import { firstUsualSocket } from './usual-sockets.js';

/** Options of dockerode. For `ssh`, `connectDocker` completes them. */
export interface EngineAddress extends Partial<Certificates> {
  socketPath?: string;
  host?: string;
  port?: string;
  protocol?: 'http' | 'https';
  /** Prefix of every path: docker-modem adds the version there, which allows engines behind a path prefix. */
  version?: string;
}

/** A resolved engine. It is plain data, because the watchdog process gets it as JSON. */
export interface DockerEndpoint {
  options: EngineAddress;
  ssh?: SshTarget;
  /** Description for humans, without secrets. */
  description: string;
  /** Source of the address: `options`, `DOCKER_HOST`, `context "colima"`, `usual socket`. */
  source: string;
  /**
   * True if the engine can access this machine's files: with a unix socket or named pipe, but not a TCP port, which may
   * lead anywhere.
   */
  local: boolean;
}

/** Part of a watchdog's input that identifies a Docker engine. */
export interface DockerOrders extends Connection {
  readonly kind: 'docker';
  readonly endpoint: DockerEndpoint;
}

/**
 * Finds the engine in the same order as the docker CLI: explicit options, DOCKER_HOST (with DOCKER_TLS_VERIFY and
 * DOCKER_CERT_PATH), DOCKER_CONTEXT, `currentContext` of the docker configuration, then the first usual socket that
 * exists.
 * @throws `endpoint-invalid` with the problem and its source; `engine-not-found` with the list of tried sockets
 */
export function resolveEndpoint(input?: DockerOption, env: Environment = process.env): DockerEndpoint {
  if (typeof input === 'string') return fromUrl(input, 'options', env);
  if (input !== undefined && Object.values(input).some((value) => value !== undefined)) return fromOptions(input, env);
  if (env.DOCKER_HOST) return fromUrl(env.DOCKER_HOST, 'DOCKER_HOST', env);
  const context = configuredContext(env);
  if (context !== undefined) return fromContext(context.name, context.source, env);
  return fromUsualSocket(env);
}

function fromOptions(input: EngineOptions, env: Environment): DockerEndpoint {
  const { socketPath, host, protocol, username, context } = input;
  if (input.sshOptions !== undefined) {
    throw invalidEndpoint('sshOptions is not supported: the connection is made by the ssh program', 'options', {
      hint: 'Put keys, users and hosts into ~/.ssh/config; they are honoured as the docker CLI does.',
    });
  }
  if ([socketPath, host, context].filter((value) => value !== undefined).length > 1) {
    throw invalidEndpoint('give one of socketPath, host and context', 'options');
  }
  if (context !== undefined) return fromContext(context, 'options', env);
  if (socketPath !== undefined) return socketEndpoint(socketPath, 'options');
  if (host === undefined) throw invalidEndpoint('neither socketPath nor host nor context is given', 'options');

  if (/^(?:unix|npipe):/.test(host) || host.startsWith('/')) return fromUrl(host, 'options', env);

  const certificates = givenCertificates(input);
  // dockerode expects a bare host. The parts of a URL take precedence over completing it here.
  const secure = protocol === 'https' || (protocol === undefined && certificates.ca !== undefined);
  const scheme = protocol === 'ssh' ? 'ssh' : secure ? 'https' : 'tcp';
  const url = new URL(/^[a-z]+:\/\//i.test(host) ? parseable(host) : `${scheme}://${bracketed(host)}`);
  if (input.port !== undefined && url.port === '') url.port = String(input.port);
  if (username !== undefined && url.username === '') url.username = username;
  return fromUrl(url.href, 'options', env, { certificates, secure });
}

function parseable(host: string): string {
  if (!URL.canParse(host)) throw invalidEndpoint(`${JSON.stringify(host)} is not a URL`, 'options');
  return host;
}

function bracketed(host: string): string {
  return host.includes(':') && !host.startsWith('[') && host.split(':').length > 2 ? `[${host}]` : host;
}

function givenCertificates(input: EngineOptions): Partial<Certificates> {
  const certificates: Partial<Certificates> = {};
  for (const name of ['ca', 'cert', 'key'] as const) {
    const value = input[name];
    if (value !== undefined)
      certificates[name] = typeof value === 'string' ? value : Buffer.from(value).toString('utf8');
  }
  return certificates;
}

interface Tls {
  certificates: Partial<Certificates>;
  secure: boolean;
}

function fromUrl(text: string, source: string, env: Environment, tls: Tls = NO_TLS): DockerEndpoint {
  const host = parseHost(text, source);
  if (host.kind === 'socket') return host.path === '' ? fromUsualSocket(env) : socketEndpoint(host.path, source);
  if (host.kind === 'ssh') return sshEndpoint(host.target, source);
  const certificates = tls === NO_TLS ? environmentTls(env, source, host.secure) : tls.certificates;
  const secure = host.secure || tls.secure || Object.keys(certificates).length > 0;
  return tcpEndpoint(host, secure, certificates, source);
}

const NO_TLS: Tls = { certificates: {}, secure: false };

function fromContext(name: string, source: string, env: Environment): DockerEndpoint {
  if (name === 'default') return fromUsualSocket(env);
  const context = readContext(name, source, env);
  return fromUrl(context.host, `context ${JSON.stringify(name)}`, env, {
    certificates: context.certificates,
    secure: Object.keys(context.certificates).length > 0,
  });
}

function fromUsualSocket(env: Environment): DockerEndpoint {
  return socketEndpoint(firstUsualSocket(env), 'usual socket');
}

function socketEndpoint(socketPath: string, source: string): DockerEndpoint {
  return { options: { socketPath }, description: socketPath, source, local: true };
}

function sshEndpoint(target: SshTarget, source: string): DockerEndpoint {
  const { user, host, port, socketPath = '' } = target;
  const description = `ssh://${user ? `${user}@` : ''}${host}${port ? `:${port}` : ''}${socketPath}`;
  // The name is only used in the Host header. The docker CLI sends 'docker' as well.
  return { options: { protocol: 'http', host: 'docker' }, ssh: target, description, source, local: false };
}

function tcpEndpoint(
  host: { hostname: string; port: string; prefix: string },
  secure: boolean,
  certificates: Partial<Certificates>,
  source: string,
): DockerEndpoint {
  const port = host.port || (secure ? '2376' : '2375');
  const options: EngineAddress = { host: host.hostname, port, protocol: secure ? 'https' : 'http', ...certificates };
  if (host.prefix !== '') options.version = host.prefix;
  const shownHost = host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname;
  const shownPrefix = host.prefix === '' ? '' : `/${host.prefix}`;
  const description = `${secure ? 'https' : 'tcp'}://${shownHost}:${port}${shownPrefix}`;
  return { options, description, source, local: false };
}
