/** How a build reaches the network, which is how this machine does. */

// The engine knows these by name and keeps them out of the image and its history.
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * The build arguments for this machine's proxy and, where `RIPCORD_APT_SOURCES` has lines for a `sources.list`, its
 * Debian mirrors. `RIPCORD_APT_PROXY` is a proxy for Debian's packages alone.
 */
export function networkBuildArgs(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of PROXY_VARIABLES) if (env[name]) given[name] = env[name];
  if (env.RIPCORD_APT_PROXY) given.http_proxy = env.RIPCORD_APT_PROXY;
  if (env.RIPCORD_APT_SOURCES) given.APT_SOURCES = env.RIPCORD_APT_SOURCES;
  return given;
}
