/** Page of the environment variables that Ripcord reads. A test compares the list with the sources. */
import { code, page, table } from '../markdown.mjs';

export const READ = {
  RIPCORD_STATE_DIR:
    'Directory of temporary workspaces. Default: `ripcord-<uid>` in the directory for temporary files.',
  RIPCORD_URL: 'URL of a server, for `RipcordClient.connect()` without `url`.',
  RIPCORD_TOKEN: 'Token for a server, for `RipcordClient.connect()` without `token`.',
  RIPCORD_DEBUG: 'Any value: the command line prints all details of an error, with its stack.',
  RIPCORD_BASE_IMAGE: "Debian 12 image that Ripcord's images are built on. Default: `debian:bookworm-slim`.",
  RIPCORD_APT_PROXY: 'Proxy for apt while images are built.',
  RIPCORD_APT_SOURCES: 'Package sources (sources.list) for apt while images are built.',
  DOCKER_HOST: 'Address of the engine, as for the docker command.',
  DOCKER_CONTEXT: 'Name of the docker context, as for the docker command.',
  DOCKER_CONFIG: 'Directory of the docker configuration. Default: `~/.docker`.',
  DOCKER_CERT_PATH: 'Directory of the TLS certificates for the engine.',
  DOCKER_TLS_VERIFY: "Any value: the engine's certificate is checked.",
  XDG_RUNTIME_DIR: 'Directory of the sockets of a rootless engine and of `ripcord serve`.',
  XDG_STATE_HOME: 'Directory below which `ripcord/key` and the history of commits lie. Default: `~/.local/state`.',
  HOME: 'Home directory: where the docker configuration is looked for.',
  NO_COLOR: 'Any value: the command line prints no colours.',
  TERM: 'Terminal of `ripcord shell`; `dumb` turns colours and moving lines off.',
  HTTP_PROXY: "Proxy for `network: { upstreamProxy: 'env' }`; also in lower case.",
  HTTPS_PROXY: "Proxy for TLS with `network: { upstreamProxy: 'env' }`; also in lower case.",
  ALL_PROXY: "Proxy if the two above are unset, with `network: { upstreamProxy: 'env' }`; also in lower case.",
  NO_PROXY: "Hosts without a proxy, for `network: { upstreamProxy: 'env' }`; also in lower case.",
};

export const SET = {
  RIPCORD_TASK: 'Text of the task.',
  RIPCORD_STRATEGY: 'Name of the strategy of the branch.',
  RIPCORD_ITERATION: 'Number of the iteration, from 1.',
  RIPCORD_BRANCH: 'Number of the branch, from 1.',
  RIPCORD_MEMORY: 'Lessons of earlier iterations.',
  RIPCORD_FEEDBACK: 'Feedback of the last decision; empty in the first iteration.',
};

export function environmentPage() {
  const rows = (variables) => Object.entries(variables).map(([name, meaning]) => [code(name), meaning]);
  return page(
    'Environment variables',
    'Options override variables.',
    table(['Variable', 'Meaning'], rows(READ)),
    '`inject` of `network` reads the variables that its `fromEnv` names.',
    '## Set for commands of a JSON spec',
    'The commands of `ripcord iterate spec.json` have these.',
    table(['Variable', 'Meaning'], rows(SET)),
  );
}
