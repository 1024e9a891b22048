/** Identity of callers: a token in a header, compared in constant time, or the permission to open the Unix socket. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { RipcordError } from '../base/errors.js';

/** A caller. */
export interface Principal {
  name: string;
  /** True if the caller also sees the sandboxes and tasks of other callers. */
  operator: boolean;
}

const LOCAL: Principal = { name: 'local', operator: true };
export const WS_PROTOCOL = 'ripcord';
const WS_BEARER = 'bearer.';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export class Tokens {
  readonly #known: { digest: Buffer; token: string; principal: Principal }[];

  /** @param tokens The first is the operator's. If empty, every caller is the operator: only the Unix socket allows it. */
  constructor(tokens: readonly { name: string; token: string }[]) {
    this.#known = tokens.map(({ name, token }, at) => ({
      digest: digest(token),
      token,
      principal: { name, operator: at === 0 },
    }));
  }

  /** @throws RipcordError `unauthorized` */
  authenticate(request: IncomingMessage): Principal {
    if (this.#known.length === 0) return LOCAL;
    const token = presented(request);
    if (token === undefined) {
      throw new RipcordError('unauthorized', 'This server needs a token', {
        hint: 'Send Authorization: Bearer <token>; for a WebSocket of a browser the subprotocols ripcord and bearer.<token>.',
      });
    }
    const asked = digest(token);
    let found: Principal | undefined;
    // Compare all tokens always, so that the time does not depend on the token.
    for (const { digest: known, principal } of this.#known) if (timingSafeEqual(known, asked)) found = principal;
    if (!found) throw new RipcordError('unauthorized', 'The token is not valid on this server');
    return found;
  }

  /** Returns true if `text` contains one of the tokens. A URL, for example, ends up in logs and histories. */
  appearsIn(text: string): boolean {
    return this.#known.some(({ token }) => text.includes(token));
  }
}

function presented({ headers }: IncomingMessage): string | undefined {
  const bearer = /^Bearer ([A-Za-z0-9_.~+/=-]{1,512})$/i.exec(headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return bearer;
  const offered = headers['sec-websocket-protocol']?.split(',').map((name) => name.trim());
  if (!offered?.includes(WS_PROTOCOL)) return undefined;
  return offered.find((name) => name.startsWith(WS_BEARER))?.slice(WS_BEARER.length);
}
