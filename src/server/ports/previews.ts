/**
 * Gives ports inside a sandbox an address for a browser, `/p/<secret>/…`. The headers of a browser do not show which page
 * of an opaque origin sent a request. The secret shows that it comes from this preview, or from a person with the address.
 */
import { createHash, randomBytes } from 'node:crypto';
import { RipcordError } from '../../base/errors.js';
import type { Principal } from '../../http/auth.js';
import type { ManagerEvent } from '../../sandbox/events.js';

interface Preview {
  /** Caller who opened the preview. Its requests count as requests of this caller. */
  readonly principal: Principal;
  readonly sandbox: string;
  readonly port: number;
  /** Path of the start page, with a slash at its end. */
  readonly path: string;
}

const SECRET_BYTES = 16;
/** Maximum number of previews per sandbox and caller. */
const MAX_PREVIEWS = 100;

/** Returns the key of a secret. Comparing digests does not reveal how much of a guess was right. */
const digest = (secret: string): string => createHash('sha256').update(secret).digest('base64');

export class Previews {
  readonly #bySecret = new Map<string, Preview>();
  /** Previews by sandbox, then by port and caller. */
  readonly #bySandbox = new Map<string, Map<string, Preview>>();

  /**
   * Opens a preview. A second call for the same caller, sandbox and port returns the first one.
   * @throws RipcordError `quota`
   */
  open(principal: Principal, sandbox: string, port: number): Preview {
    const ofSandbox = this.#bySandbox.get(sandbox) ?? new Map<string, Preview>();
    const key = `${port} ${principal.name}`;
    const known = ofSandbox.get(key);
    if (known) return known;
    const own = [...ofSandbox.values()].filter((preview) => preview.principal.name === principal.name).length;
    if (own >= MAX_PREVIEWS) {
      throw new RipcordError('quota', `This token has previews of ${own} ports of this sandbox, which is its maximum`);
    }
    const secret = randomBytes(SECRET_BYTES).toString('base64url');
    const preview = { principal, sandbox, port, path: `/p/${secret}/` };
    this.#bySandbox.set(sandbox, ofSandbox.set(key, preview));
    this.#bySecret.set(digest(secret), preview);
    return preview;
  }

  /** @throws RipcordError `not-found` */
  find(secret: string): Preview {
    const preview = this.#bySecret.get(digest(secret));
    if (!preview) throw new RipcordError('not-found', 'There is no such preview, or its sandbox has ended');
    return preview;
  }

  /** Ends the previews of a sandbox that ended. The server calls it with each event of the manager. */
  follow(event: ManagerEvent): void {
    if (event.type !== 'sandbox.closed' && event.type !== 'sandbox.failed') return;
    for (const { path } of this.#bySandbox.get(event.sandbox)?.values() ?? []) {
      this.#bySecret.delete(digest(path.split('/')[2]!));
    }
    this.#bySandbox.delete(event.sandbox);
  }
}
