/**
 * Opens connections from the host to allowed targets: to the exact address that was checked, or through an upstream
 * proxy.
 */
import { lookup as dnsLookup } from 'node:dns/promises';
import { once } from 'node:events';
import { isIP, connect as netConnect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createSecureContext, rootCertificates, type SecureContext, connect as tlsConnect } from 'node:tls';
import { messageOf } from '../base/errors.js';
import { isLocal } from './own-names.js';
import { Denial, type EgressPolicy } from './policy.js';
import { formatTarget, type Target } from './rules.js';
import {
  type ChooseUpstream,
  describeUpstream,
  throughUpstream,
  type UpstreamProxy,
  upstreamChoice,
} from './upstream-proxy.js';

/** Resolver and connections of the proxy. Tests replace them. */
export interface Outside {
  lookup(host: string): Promise<string[]>;
  connect(address: string, port: number): Socket;
  /** Root certificates to trust; undefined for Node's. */
  ca?: string | undefined;
}

export const realOutside: Outside = {
  lookup: async (host) => (await dnsLookup(host, { all: true, verbatim: true })).map(({ address }) => address),
  connect: (host, port) => netConnect({ host, port, noDelay: true, allowHalfOpen: true }),
};

export interface Route {
  connection: Duplex;
  /** Address that the host connected to: the target's, or the upstream proxy's. */
  address: string | undefined;
  /** Upstream proxy of a plain HTTP request. It needs the whole URL in the request line. */
  upstream: UpstreamProxy | undefined;
}

const DIAL_MS = 10_000;

export class Dialer {
  readonly #policy: EgressPolicy;
  readonly #outside: Outside;
  readonly #upstreamOf: ChooseUpstream;
  readonly #ca: string | undefined;
  #context: SecureContext | undefined;

  /**
   * Creates a dialer.
   * @throws InvalidOptionsError if `upstreamProxy` is not a valid proxy
   */
  constructor(policy: EgressPolicy, upstreamProxy: string | undefined, ca: string | undefined, outside: Outside) {
    this.#policy = policy;
    this.#outside = outside;
    this.#ca = ca;
    this.#upstreamOf = upstreamChoice(upstreamProxy);
  }

  /** Returns true if a plain HTTP request to `target` goes through an upstream proxy. */
  hasUpstream(target: Target): boolean {
    return this.#upstream(target, 'http') !== undefined;
  }

  /**
   * Opens a connection to `target`.
   * @throws Denial
   */
  async tunnel(target: Target, client: Duplex): Promise<Route> {
    const upstream = this.#upstream(target, target.port === 80 ? 'http' : 'https');
    if (!upstream) return this.#direct(target, client);
    const { connection, address } = await this.#reach(upstream, target, client);
    try {
      const through = await throughUpstream(connection, upstream, target, AbortSignal.timeout(DIAL_MS));
      through.on('error', () => {});
      return { connection: through, address, upstream: undefined };
    } catch (error) {
      connection.destroy();
      if (error instanceof Denial) throw error;
      throw new Denial('unreachable', `${describeUpstream(upstream)} gives no tunnel: ${messageOf(error)}`);
    }
  }

  /**
   * Opens a connection for one plain HTTP request.
   * @throws Denial
   */
  async request(target: Target, client: Duplex): Promise<Route> {
    const upstream = this.#upstream(target, 'http');
    return upstream ? this.#reach(upstream, target, client) : this.#direct(target, client);
  }

  /**
   * Starts TLS on a connection.
   * @throws Denial `credentials`
   */
  async encrypt(connection: Duplex, { host }: Target): Promise<Duplex> {
    const secure = tlsConnect({
      // TLS works over any stream, but the type requires a Socket.
      socket: connection as Socket,
      servername: isIP(host) ? '' : host,
      host,
      ALPNProtocols: ['http/1.1'],
      ...this.#trust(),
    });
    try {
      await once(secure, 'secureConnect', { signal: AbortSignal.timeout(DIAL_MS) });
    } catch (error) {
      secure.destroy();
      throw new Denial('credentials', `no trusted TLS connection to ${host}: ${messageOf(error)}`);
    }
    secure.on('error', () => {});
    return secure;
  }

  /** Creates the TLS context once, because that parses Node's roots, about 150. */
  #trust(): { secureContext?: SecureContext } {
    const roots = this.#outside.ca === undefined ? undefined : [this.#outside.ca];
    if (roots === undefined && this.#ca === undefined) return {};
    this.#context ??= createSecureContext({ ca: [...(roots ?? rootCertificates), ...(this.#ca ? [this.#ca] : [])] });
    return { secureContext: this.#context };
  }

  /** Returns the upstream proxy. Ports of the host itself never use one. */
  #upstream(target: Target, scheme: 'http' | 'https'): UpstreamProxy | undefined {
    return isLocal(target.host) ? undefined : this.#upstreamOf(target, scheme);
  }

  /** Opens a tunnel through the upstream proxy. That proxy resolves names; a literal address is checked here. */
  async #reach(upstream: UpstreamProxy, target: Target, client: Duplex): Promise<Route> {
    if (isIP(target.host)) this.#policy.admitAddresses(target, [target.host]);
    const { host, port } = upstream.target;
    const socket = await this.#dial(
      { addresses: await this.#resolve(host), port, what: describeUpstream(upstream) },
      client,
    );
    const connection = upstream.tls ? await this.encrypt(socket, upstream.target) : socket;
    return { connection, address: socket.remoteAddress, upstream };
  }

  async #direct(target: Target, client: Duplex): Promise<Route> {
    const addresses = this.#policy.admitAddresses(target, await this.#resolve(target.host));
    const socket = await this.#dial({ addresses, port: target.port, what: formatTarget(target) }, client);
    return { connection: socket, address: socket.remoteAddress, upstream: undefined };
  }

  async #dial(
    { addresses, port, what }: { addresses: string[]; port: number; what: string },
    client: Duplex,
  ): Promise<Socket> {
    let failure: unknown;
    for (const address of addresses) {
      if (client.destroyed) break;
      const socket = this.#outside.connect(address, port);
      socket.setTimeout(DIAL_MS, () => socket.destroy(new Error(`no answer within ${DIAL_MS} ms`)));
      try {
        await once(socket, 'connect');
        socket.setTimeout(0);
        socket.on('error', () => {});
        const drop = () => socket.destroy();
        client.once('close', drop);
        socket.once('close', () => client.off('close', drop));
        return socket;
      } catch (error) {
        failure = error;
      }
    }
    throw new Denial('unreachable', `${what} cannot be reached: ${messageOf(failure)}`);
  }

  async #resolve(host: string): Promise<string[]> {
    if (isIP(host)) return [host];
    if (isLocal(host)) return ['127.0.0.1', '::1'];
    try {
      return await this.#outside.lookup(host);
    } catch (error) {
      throw new Denial('unresolved', `${host} has no address: ${messageOf(error)}`);
    }
  }
}
