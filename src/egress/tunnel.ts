/** A tunnel through the proxy (RFC 9110 §9.3.6): its first bytes decide what it may carry. */
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

/** A tunnel that carries HTTP: each of its requests is looked at as any other. */
export interface HttpTunnel {
  target: Target;
  /** Its first connection, for the first request. */
  spare: Route | undefined;
}

/** Answers a CONNECT: refuses it, or joins the client and the target. A tunnel that carries HTTP goes on to `http`. */
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
    // A proxy of this machine may give tunnels to port 443 only: what turns out to be HTTP needs none.
    const later = target.port === 80 && dialer.hasUpstream(target);
    let route = later ? undefined : await dialer.tunnel(target, client);
    upstream = route?.connection;
    client.write(ESTABLISHED);
    isOpen = true;
    if (target.port !== 443) decisions.allow('connect', target, { rule: rule.text, address: route?.address });
    // A server that speaks first is heard; what the client says is looked at before it goes anywhere.
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
    // What breaks an open tunnel is the connection's business.
    const denial = isOpen && !(error instanceof Denial) ? undefined : decisions.deny('connect', asked, error);
    if (!denial || !client.writable) {
      client.destroy();
      return;
    }
    sendLastWords(client, isOpen ? TLS_UNRECOGNIZED_NAME : refusal(denial));
  }
}
