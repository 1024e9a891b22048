/** Environments of commands. Most commands of a sandbox have the same one, so it is composed once and encoded once. */

export type Environment = Readonly<Record<string, string>>;

const composed = new WeakMap<object, Map<string, Environment>>();

/** The frozen result of `compose`, which is called once for each `base` and `key`. `base` must not change. */
export function composeOnce(base: object, key: string, compose: () => Environment): Environment {
  let known = composed.get(base);
  if (known === undefined) composed.set(base, (known = new Map()));
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = Object.freeze(compose())));
  return found;
}

/** `base` itself where nothing is set over it. */
export function withVariables(base: Environment, own: Environment): Environment {
  return Object.keys(own).length === 0 ? base : { ...base, ...own };
}
