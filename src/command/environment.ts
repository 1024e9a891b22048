/** Environments of commands. Most commands of a sandbox share one, so it is composed and encoded only once. */

export type Environment = Readonly<Record<string, string>>;

const composed = new WeakMap<object, Map<string, Environment>>();

/** Returns the frozen result of `compose`, which is called once for each `base` and `key`. `base` must not change. */
export function composeOnce(base: object, key: string, compose: () => Environment): Environment {
  let known = composed.get(base);
  if (known === undefined) composed.set(base, (known = new Map()));
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = Object.freeze(compose())));
  return found;
}

/** Returns `base` with the variables of `own` set, or `base` itself if `own` is empty. */
export function withVariables(base: Environment, own: Environment): Environment {
  return Object.keys(own).length === 0 ? base : { ...base, ...own };
}
