import { type Command, Option } from 'commander';
import { onAbort } from '../../base/abort.js';
import { InvalidOptionsError } from '../../base/errors.js';
import { packageVersion } from '../../base/package-files.js';
import { parseOptions } from '../../base/parse-options.js';
import { isLoopbackHost } from '../../http/guards.js';
import { openToken } from '../../http/token-file.js';
import { serverDirectory } from '../../http/unix-socket.js';
import { hostPath } from '../../sandbox/home-path.js';
import type { SandboxManager } from '../../sandbox/sandbox-manager.js';
import { type ToolboxOptions, toolboxSchema } from '../../tools/options.js';
import { seedDirectory } from '../../workspace/stage.js';
import { type CliContext, globalOptions } from '../context.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { addListenFlags, type ListenFlags, noteToken } from '../listen.js';
import { parseCount, parseDuration } from '../parse.js';
import { addFrameFlags, type FrameFlags, frameOptions } from '../sandbox/options.js';
import { withManager } from '../session.js';

interface McpFlags extends FrameFlags, ListenFlags {
  image?: string;
  out?: string;
  timeout?: number;
  maxTimeout?: number;
  maxOutput?: string;
  lifetime?: number;
  idle?: number;
  maxSandboxes?: number;
  tools?: string;
  maxSessions: number;
  grace: number;
}

/** Idle time after which an HTTP client without an open stream counts as gone. Equals the idle time of a sandbox. */
const DEFAULT_IDLE_MS = 30 * 60_000;

/** Adds `ripcord mcp`, which serves sandboxes to MCP clients. */
export function addMcp(program: Command, context: CliContext): void {
  const command = program
    .command('mcp')
    .summary('serve sandboxes to an MCP client')
    .description(
      'Serves the Model Context Protocol (MCP): tools to run code and commands, read and write files and reach ports in ' +
        'sandboxes. It uses stdin and stdout, as MCP clients start their servers, or HTTP with --listen. The options ' +
        'limit every sandbox: a model cannot exceed them. When a client disconnects, its sandboxes are removed.',
    )
    .option(
      '--image <names>',
      'images to choose from, separated by commas; the first is the default (default: python,node,shell)',
    );
  addFrameFlags(command)
    .option('--out <dir>', 'let the model copy files to this directory with the tool download', hostPath)
    .option('-t, --timeout <time>', 'time limit for commands that set none (default: 45s)', parseDuration)
    .option('--max-timeout <time>', 'largest time limit that a command may request (default: 10m)', parseDuration)
    .option(
      '--max-output <size>',
      'maximum size of one output in an answer; the model can read the rest later (default: 16k)',
    )
    .option('--lifetime <time>', 'maximum lifetime of a sandbox (default: 1h)', parseDuration)
    .option('--idle <time>', 'end a sandbox after this time without use (default: 30m)', parseDuration)
    .option('--max-sandboxes <number>', 'maximum number of sandboxes at once for each client (default: 4)', parseCount)
    .option('--tools <names>', 'offer only these tools, separated by commas (default: all)');
  addListenFlags(command, 'serve over HTTP instead, with a token; port 0 picks a free port')
    .option('--max-sessions <number>', 'maximum number of HTTP clients at once', parseCount, 16)
    .addOption(
      new Option('--grace <time>', "close a disconnected HTTP client's sandboxes after this time")
        .argParser(parseDuration)
        .default(60_000, '1m'),
    )
    .addHelpText(
      'after',
      examples([
        ['ripcord mcp', 'the command to configure in an MCP client'],
        ['ripcord mcp --seed . --out results', 'on copies of this directory; results can be brought out'],
        ['ripcord mcp --allow @pip', 'pip works, nothing else can be reached'],
        ['ripcord mcp --listen 7078', 'for several clients, at http://127.0.0.1:7078/mcp'],
      ]),
    )
    .action(async (flags: McpFlags) => {
      context.exitCode = await mcp(flags, command, context);
    });
}

async function mcp(flags: McpFlags, command: Command, { interrupt }: CliContext): Promise<number> {
  const { signal } = interrupt;
  const { listen } = flags;
  if (listen && !isLoopbackHost(listen.host) && !flags.public) {
    throw new InvalidOptionsError(`mcp: ${listen.host} can be reached from other machines`, {
      hint: 'If this is intended, give --public, and put TLS in front of it.',
    });
  }
  await withManager(globalOptions(command), interrupt, async (manager) => {
    const toolbox = toolboxOptions(flags, manager);
    // Report wrong options at the start rather than at a client's first request.
    if (flags.seed !== undefined) seedDirectory(flags.seed);
    parseOptions(toolboxSchema, toolbox, 'mcp');
    const version = packageVersion();
    if (!listen) {
      const { serveStdio } = await import('../../mcp/stdio.js');
      return serveStdio({ toolbox, version, signal });
    }
    const { McpHttpServer } = await import('../../mcp/http-server.js');
    const token = openToken(flags.tokenFile ?? `${serverDirectory()}/mcp-token`);
    await using server = await McpHttpServer.listen({
      ...listen,
      toolbox,
      version,
      token: token.token,
      hosts: flags.host ?? [],
      maxSessions: flags.maxSessions,
      patience: { idleMs: flags.idle ?? DEFAULT_IDLE_MS, graceMs: flags.grace },
    });
    note(`MCP at ${server.url}`);
    noteToken(token);
    await new Promise<void>((resolve) => onAbort(signal, resolve));
  });
  return interrupt.exitCode ?? 0;
}

function toolboxOptions(flags: McpFlags, manager: SandboxManager): ToolboxOptions {
  const { timeout, maxTimeout, maxOutput, lifetime, idle, maxSandboxes } = flags;
  return {
    manager,
    create: { ...frameOptions(flags), lifetimeMs: lifetime },
    images: (flags.image ?? 'python,node,shell').split(',').map((name) => name.trim()),
    downloads: flags.out,
    timeoutMs: timeout,
    maxTimeoutMs: maxTimeout,
    maxAnswerBytes: maxOutput,
    idleMs: idle,
    maxSandboxes,
    tools: flags.tools?.split(',').map((name) => name.trim()),
  };
}
