/** Decides which used sandboxes may be reused, and in which trust domain. */
import type { ResolvedCreateOptions } from '../launch/options.js';

/** Returns the reason why a reset of such a sandbox can never be proven; `undefined` if it can. */
export function unprovable(options: ResolvedCreateOptions): string | undefined {
  if (options.workspace.mode === 'bind') return 'a bind mount cannot be reset';
  if (options.network === 'bridge') return 'a network cannot be reset';
  if (options.rootfs === 'writable') return 'a writable root cannot be reset';
  return undefined;
}

/** Returns the trust domain; `undefined` if the sandbox is removed when it is closed. */
export const domainOf = ({ reuse }: ResolvedCreateOptions): string | undefined =>
  reuse === false ? undefined : reuse === true ? 'default' : `domain:${reuse}`;
