/** Network settings of a build: the same as this machine's. */

// Proxy variables that the engine recognises. It keeps them out of the image and its history.
const PROXY_VARIABLES = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY'];

/**
 * Returns the build arguments for this machine's proxy. If `RIPCORD_APT_SOURCES` holds lines of a `sources.list`, they
 * include those Debian mirrors. `RIPCORD_APT_PROXY` is a proxy only for Debian's packages.
 */
export function networkBuildArgs(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of PROXY_VARIABLES) if (env[name]) given[name] = env[name];
  if (env.RIPCORD_APT_PROXY) given.http_proxy = env.RIPCORD_APT_PROXY;
  if (env.RIPCORD_APT_SOURCES) given.APT_SOURCES = env.RIPCORD_APT_SOURCES;
  return given;
}
