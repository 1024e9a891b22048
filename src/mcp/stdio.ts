/** Serves one client on stdin and stdout, as most MCP clients start their servers. */
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { onAbort } from '../base/abort.js';
import type { ToolboxOptions } from '../tools/options.js';
import { createToolbox } from '../tools/toolbox.js';
import { createMcpServer } from './server.js';

interface StdioOptions {
  toolbox: ToolboxOptions;
  version: string;
  /** Signal whose abort ends the session. */
  signal: AbortSignal;
}

/** Serves until the client closes stdin or dies. The sandboxes are removed by the time this resolves. */
export async function serveStdio({ toolbox: options, version, signal }: StdioOptions): Promise<void> {
  await using toolbox = createToolbox(options);
  const server = createMcpServer(toolbox, { version });
  const ended = new Promise<void>((resolve) => {
    process.stdin.once('end', resolve).once('close', resolve).once('error', resolve);
    onAbort(signal, resolve);
  });
  await server.connect(new StdioServerTransport());
  await ended;
  await server.close();
}
