/** Settings for sandboxes without a network: they make package managers fail at once, and detect such failures. */

/**
 * Disables retries of package managers, because no connection can succeed. Only retries are set, so servers inside the
 * sandbox stay reachable. go, gem, git and curl fail at once by default.
 */
export const OFFLINE_ENV: Readonly<Record<string, string>> = {
  // One retry, because pip reports the cause only when it retries. urllib3 does not wait before the first retry.
  PIP_RETRIES: '1',
  PIP_DISABLE_PIP_VERSION_CHECK: '1',
  npm_config_fetch_retries: '0', // npm and pnpm: 2, with 10 and 60 seconds between them
  npm_config_update_notifier: 'false',
  YARN_HTTP_RETRY: '0',
  BUN_CONFIG_HTTP_RETRY_COUNT: '0',
  UV_HTTP_RETRIES: '0',
  CARGO_NET_RETRY: '0',
  BUNDLE_RETRY: '0',
  CONDA_REMOTE_MAX_RETRIES: '0',
};

/** Messages about a failed name lookup, of C libraries, Node, Go, Rust and curl. */
const NO_NAME =
  /Temporary failure in name resolution|Name or service not known|Could not resolve host|unable to resolve host address|EAI_AGAIN|getaddrinfo ENOTFOUND|ENETUNREACH|Network is unreachable|dns error|dial tcp: lookup/;
/** Messages of package managers, and the entry that allows their access. */
const PACKAGE_MANAGERS: readonly [RegExp, string][] = [
  [/npm (?:error|ERR!)|registry\.(?:npmjs\.org|yarnpkg\.com)|ERR_PNPM/, '@npm'],
  [/\/simple\/|No matching distribution found|pypi\.org/, '@pip'],
  [/^(?:E|W|Err:\d+|Ign:\d+)[: ].*(?:debian|ubuntu|apt)/m, '@apt'],
];
const LOOKED_AT = 16 * 1024;

/**
 * Returns the entry of an allow list that a failed command lacked: `@npm`, `@pip`, `@apt`, or `''` for a host.
 * @returns `undefined` if its output does not mention the network
 */
export function missedNetwork(...outputs: readonly (string | Uint8Array)[]): string | undefined {
  for (const output of outputs) {
    const text = endOf(output);
    if (NO_NAME.test(text)) return PACKAGE_MANAGERS.find(([said]) => said.test(text))?.[1] ?? '';
  }
  return undefined;
}

/** Returns the `hint` of a result about the missing network. */
export function offlineHint(missed: string): string {
  const what = WHERE[missed] ?? 'the hosts it lists';
  return `There is no network in this sandbox. network: { allow: ['${missed || 'api.example.com'}'] }, given when it is created, lets it reach ${what}.`;
}

const WHERE: Readonly<Record<string, string>> = {
  '@npm': "npm's registry",
  '@pip': "pip's index",
  '@apt': "Debian's mirrors",
};

const endOf = (output: string | Uint8Array): string =>
  typeof output === 'string' ? output.slice(-LOOKED_AT) : Buffer.from(output.subarray(-LOOKED_AT)).toString('utf8');
