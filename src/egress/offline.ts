/** Sandboxes without a network: what makes package managers give up at once, and how their failure is recognised. */

/**
 * Package managers need not try again, because nothing answers. Only retries are set: a server that listens inside the sandbox is
 * reached as ever. go, gem, git and curl fail at once by themselves.
 */
export const OFFLINE_ENV: Readonly<Record<string, string>> = {
  // One, because pip says what went wrong only when it tries again. urllib3 does not wait before the first.
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

/** A name that could not be looked up, in the words of C libraries, Node, Go, Rust and curl. */
const NO_NAME =
  /Temporary failure in name resolution|Name or service not known|Could not resolve host|unable to resolve host address|EAI_AGAIN|getaddrinfo ENOTFOUND|ENETUNREACH|Network is unreachable|dns error|dial tcp: lookup/;
/** Who says so, and what lets it out. */
const PACKAGE_MANAGERS: readonly [RegExp, string][] = [
  [/npm (?:error|ERR!)|registry\.(?:npmjs\.org|yarnpkg\.com)|ERR_PNPM/, '@npm'],
  [/\/simple\/|No matching distribution found|pypi\.org/, '@pip'],
  [/^(?:E|W|Err:\d+|Ign:\d+)[: ].*(?:debian|ubuntu|apt)/m, '@apt'],
];
const LOOKED_AT = 16 * 1024;

/**
 * The entry of an allow list that a failed command lacked: `@npm`, `@pip`, `@apt`, or `''` for a host.
 * `undefined`: its last words do not speak of a network.
 */
export function missedNetwork(...outputs: readonly (string | Uint8Array)[]): string | undefined {
  for (const output of outputs) {
    const text = endOf(output);
    if (NO_NAME.test(text)) return PACKAGE_MANAGERS.find(([said]) => said.test(text))?.[1] ?? '';
  }
  return undefined;
}

/** A sentence about it, for the `hint` of a result. */
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
