/** Which used sandboxes may be used again, and by whom. */
import type { ResolvedCreateOptions } from '../launch/options.js';

/** Returns the reason that rules a proof out before anything is tried. */
export function unprovable(options: ResolvedCreateOptions): string | undefined {
  if (options.workspace.mode === 'bind') return 'a bind mount cannot be reset';
  if (options.network === 'bridge') return 'a network cannot be reset';
  if (options.rootfs === 'writable') return 'a writable root cannot be reset';
  return undefined;
}

/** The trust domain as the pool knows it; `undefined`: the sandbox is removed when it is closed. */
export const domainOf = ({ reuse }: ResolvedCreateOptions): string | undefined =>
  reuse === false ? undefined : reuse === true ? 'default' : `domain:${reuse}`;
