/**
 * Connects the proxy to one sandbox: the agent's port inside, and the environment variables that make programs use it.
 */
import type { AgentClient } from '../agent/client.js';
import { type AgentCapabilities, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream, StreamHandlers } from '../agent/stream.js';
import { PipeConnection } from '../command/pipe-connection.js';
import { CommandStreams, STREAM_WINDOW } from '../command/streams.js';
import { authorityVariables } from './authorities.js';
import { NO_PROXY } from './own-names.js';
import type { EgressProxy, EgressRecord } from './proxy.js';

/** Connections of a sandbox to the network, allowed and denied. */
export interface SandboxEgress {
  /** Allow list, with the hosts that `@npm`, `@pip` and `@apt` stand for on this machine. */
  readonly allow: readonly string[];
  /** Last 1,000 decisions, oldest first. */
  readonly log: readonly EgressRecord[];
  /** Number of bytes between sandbox and proxy so far, in both directions. */
  readonly bytes: number;
  /** Number of open connections. */
  readonly connections: number;
}

/**
 * Opens the proxy's port in the sandbox.
 * @returns environment of the sandbox's commands
 * @throws RipcordError if the agent cannot listen
 */
export async function openEgress(
  client: AgentClient,
  capabilities: AgentCapabilities,
  proxy: EgressProxy,
): Promise<Record<string, string>> {
  const port = await client.listen(proxy.maxConnections, (stream) => join(stream, proxy));
  return {
    ...environment(`http://127.0.0.1:${port}`),
    ...(proxy.ca !== undefined && authorityVariables(capabilities)),
  };
}

function join(stream: AgentStream, proxy: EgressProxy): StreamHandlers {
  const streams = new CommandStreams(true);
  streams.connect(stream);
  const connection = new PipeConnection(
    streams,
    () => stream.kill(0, 0, true),
    (bytes) => proxy.count(bytes),
  );
  // Grant credit in a later microtask: a stream opened by the agent cannot grant any during its construction.
  queueMicrotask(() => {
    stream.grant(STDOUT, STREAM_WINDOW / 2);
    proxy.accept(connection);
  });
  const end = () => {
    streams.eof(STDOUT);
    streams.eof(STDERR);
  };
  return {
    started: () => {},
    output: (channel, chunk) => streams.output(channel, chunk),
    gap: () => {},
    eof: (channel) => streams.eof(channel),
    exit: end,
    lost: () => connection.destroy(),
  };
}

/**
 * Returns the variables. curl, git, pip and most others read the lower-case names, npm and some libraries the
 * upper-case ones.
 */
function environment(url: string): Record<string, string> {
  return {
    HTTP_PROXY: url,
    http_proxy: url,
    HTTPS_PROXY: url,
    https_proxy: url,
    NO_PROXY,
    no_proxy: NO_PROXY,
    // Enables the proxy variables in Node's own fetch and http, from 22.21 and 24 on.
    NODE_USE_ENV_PROXY: '1',
  };
}
