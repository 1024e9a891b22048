/** Brings the proxy into one sandbox: the agent's port inside, and the environment that makes programs use it. */
import type { AgentClient } from '../agent/client.js';
import { type AgentCapabilities, STDERR, STDOUT } from '../agent/messages.js';
import type { AgentStream, StreamHandlers } from '../agent/stream.js';
import { PipeConnection } from '../command/pipe-connection.js';
import { CommandStreams, STREAM_WINDOW } from '../command/streams.js';
import { authorityVariables } from './authorities.js';
import { NO_PROXY } from './own-names.js';
import type { EgressProxy, EgressRecord } from './proxy.js';

/** What a sandbox has been allowed and denied. */
export interface SandboxEgress {
  /** The allow-list, with the hosts that `@npm`, `@pip` and `@apt` stand for on this machine. */
  readonly allow: readonly string[];
  /** The last 1,000 decisions, oldest first. */
  readonly log: readonly EgressRecord[];
  /** Between sandbox and proxy, both directions, so far. */
  readonly bytes: number;
  /** Open at this moment. */
  readonly connections: number;
}

/**
 * @returns the environment for the sandbox's commands
 * @throws RipcordError where the agent cannot listen
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
  // A stream the agent opens has no credit yet, and hands out none while it is being made.
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

/** curl, git, pip and most others read the lower-case names, npm and some libraries the upper-case ones. */
function environment(url: string): Record<string, string> {
  return {
    HTTP_PROXY: url,
    http_proxy: url,
    HTTPS_PROXY: url,
    https_proxy: url,
    NO_PROXY,
    no_proxy: NO_PROXY,
    // Node's own fetch and http follow the variables from 22.21 and 24 on, if told so.
    NODE_USE_ENV_PROXY: '1',
  };
}
