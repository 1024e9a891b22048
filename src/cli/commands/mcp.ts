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

/** Of an HTTP client that holds no stream open; as of a sandbox. */
const DEFAULT_IDLE_MS = 30 * 60_000;

/** `ripcord mcp`: sandboxes for agents that speak MCP. */
export function addMcp(program: Command, context: CliContext): void {
  const command = program
    .command('mcp')
    .summary('serve sandboxes to an MCP client')
    .description(
      'Speaks the Model Context Protocol: tools to run code and commands, read and write files and reach ports in ' +
        'sandboxes. On stdin and stdout, as MCP clients start their servers, or with --listen. The options here are the ' +
        'frame: a model cannot widen it. When the client is gone, so are its sandboxes.',
    )
    .option('--image <names>', 'images to choose from, the first is the default (default: python,node,shell)');
  addFrameFlags(command)
    .option('--out <dir>', 'let it copy files to this directory, with the tool download', hostPath)
    .option('-t, --timeout <time>', 'of a command that asks for none (default: 45s)', parseDuration)
    .option('--max-timeout <time>', 'the most a command may ask for (default: 10m)', parseDuration)
    .option('--max-output <size>', 'text of one output in an answer; the rest is there to be read on (default: 16k)')
    .option('--lifetime <time>', 'hard end of a sandbox (default: 1h)', parseDuration)
    .option('--idle <time>', 'end a sandbox that is not used for so long (default: 30m)', parseDuration)
    .option('--max-sandboxes <number>', 'at a time, for each client (default: 4)', parseCount)
    .option('--tools <names>', 'offer these tools only, separated by commas (default: all)');
  addListenFlags(command, 'serve over HTTP instead, with a token; port 0: any that is free')
    .option('--max-sessions <number>', 'clients at a time over HTTP', parseCount, 16)
    .addOption(
      new Option('--grace <time>', 'end what a client that broke off has over HTTP after so long')
        .argParser(parseDuration)
        .default(60_000, '1m'),
    )
    .addHelpText(
      'after',
      examples([
        ['ripcord mcp', 'what an MCP client is configured to start'],
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
      hint: 'Say --public if that is meant, and put TLS in front of it.',
    });
  }
  await withManager(globalOptions(command), interrupt, async (manager) => {
    const toolbox = toolboxOptions(flags, manager);
    // Said at the start rather than at a client's first request.
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
