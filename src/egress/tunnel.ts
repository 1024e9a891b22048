/** Serves a tunnel through the proxy (RFC 9110 §9.3.6). Its first bytes decide which protocol it may carry. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { flow, join } from '../ports/join.js';
import { unpace } from '../ports/paced-connection.js';
import type { Decisions } from './decisions.js';
import type { Destinations } from './destinations.js';
import type { Route } from './dialer.js';
import { notAnAuthority } from './not-an-authority.js';
import { Denial } from './policy.js';
import { refusal, sendLastWords, TLS_UNRECOGNIZED_NAME } from './refusal.js';
import { checkHost } from './request-head.js';
import { parseAuthority, type Target } from './rules.js';
import { serverSpeaksFirst, tunnelStart } from './tunnel-start.js';

const ESTABLISHED = 'HTTP/1.1 200 Connection Established\r\n\r\n';

interface ConnectRequest {
  request: IncomingMessage;
  client: Duplex;
  head: Buffer;
}

/** A tunnel that carries HTTP. Each of its requests is checked. */
export interface HttpTunnel {
  target: Target;
  /** First connection of the tunnel, reserved for the first request. */
  spare: Route | undefined;
}

/**
 * Answers a CONNECT: refuses it, or connects the client to the target. A tunnel that carries HTTP is passed to `http`.
 */
export async function openTunnel(
  { request, client, head }: ConnectRequest,
  { destinations, decisions }: { destinations: Destinations; decisions: Decisions },
  http: (client: Duplex, tunnel: HttpTunnel) => void,
): Promise<void> {
  const { dialer } = destinations;
  client.on('error', () => {});
  const asked = request.url ?? '';
  let upstream: Duplex | undefined;
  let isOpen = false;
  try {
    const target = parseAuthority(asked);
    if (!target) throw new Denial('malformed', notAnAuthority(asked, 'host:port'));
    checkHost(request, target, target.port);
    if (destinations.isInside(target)) {
      upstream = await destinations.connectInside(target);
      client.write(ESTABLISHED);
      isOpen = true;
      if (head.length > 0) upstream.write(head);
      unpace(client);
      await join(client, upstream);
      return;
    }
    const rule = destinations.admit(target);
    // An upstream proxy may allow tunnels to port 443 only, and HTTP does not need a tunnel. So connect later.
    const later = target.port === 80 && dialer.hasUpstream(target);
    let route = later ? undefined : await dialer.tunnel(target, client);
    upstream = route?.connection;
    client.write(ESTABLISHED);
    isOpen = true;
    if (target.port !== 443) decisions.allow('connect', target, { rule: rule.text, address: route?.address });
    // Forward bytes of a server that sends first. The client's bytes are always checked before they are forwarded.
    const mayListen = upstream !== undefined && target.port !== 443 && target.port !== 80 && head.length === 0;
    const spoke = mayListen && (await serverSpeaksFirst(client, upstream!));
    let down = spoke ? flow(upstream!, client) : undefined;
    down?.catch(() => {});
    const { kind, bytes } = await tunnelStart(target, client, head, spoke);
    if (kind === 'http') {
      client.unshift(bytes);
      http(client, { target, spare: route });
      return;
    }
    unpace(client);
    route ??= await dialer.tunnel(target, client);
    upstream = route.connection;
    if (target.port === 443) decisions.allow('connect', target, { rule: rule.text, address: route.address });
    if (bytes.length > 0) upstream.write(bytes);
    down ??= flow(upstream, client);
    down.catch(() => {});
    await Promise.all([flow(client, upstream), down]);
  } catch (error) {
    upstream?.destroy();
    // An error of an open tunnel belongs to that connection and is not a denial.
    const denial = isOpen && !(error instanceof Denial) ? undefined : decisions.deny('connect', asked, error);
    if (!denial || !client.writable) {
      client.destroy();
      return;
    }
    sendLastWords(client, isOpen ? TLS_UNRECOGNIZED_NAME : refusal(denial));
  }
}
