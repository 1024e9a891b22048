import { type Command, Option } from 'commander';
import { onAbort } from '../../base/abort.js';
import { describeLeft } from '../../cleanup/receipt.js';
import { openToken } from '../../http/token-file.js';
import { leaveServerDirectory, serverDirectory } from '../../http/unix-socket.js';
import { hostPath } from '../../sandbox/home-path.js';
import { serverLogger } from '../../server/log.js';
import { dashboardDirectory } from '../../server/routes/dashboard.js';
import { RipcordServer } from '../../server/server.js';
import { type CliContext, type GlobalOptions, globalOptions } from '../context.js';
import { note } from '../failure.js';
import { examples } from '../help.js';
import { addListenFlags, type ListenFlags, noteToken } from '../listen.js';
import { collect, collectSpec, parseCount, parseDuration } from '../parse.js';
import { readAuthorities } from '../sandbox/options.js';
import { withManager } from '../session.js';
import { loadSpec } from '../spec/load-spec.js';

interface ServeFlags extends ListenFlags {
  socket?: string;
  spec?: Record<string, string>;
  approve?: boolean;
  allowEgress?: string[];
  ca?: string;
  upstreamProxy?: string;
  allowImage?: string[];
  allowRuntime?: string[];
  maxSandboxes?: number;
  maxMemory?: string;
  drain?: number;
  logLevel: string;
}

/** Adds `ripcord serve`, which serves sandboxes to other programs over HTTP and WebSocket. */
export function addServe(program: Command, context: CliContext): void {
  const command = program.command('serve');
  command
    .summary('serve sandboxes over HTTP and WebSocket, with a dashboard')
    .description(
      'Serves sandboxes to other programs and to browsers. By default it listens on a Unix socket that only this user ' +
        'can open. With --listen it listens on a TCP port of this machine; callers then need the token, which is printed ' +
        'once. Callers get no host directories, no root, no engine options, and only the network that --allow-egress ' +
        'lists. docs/server.md lists every route.',
    )
    .option(
      '--socket <path>',
      'path of the Unix socket (default: in $XDG_RUNTIME_DIR, else in the state directory)',
      hostPath,
    );
  addListenFlags(command, 'listen on a TCP port instead, e.g. 7077: the API with a token, and the dashboard')
    .option('--spec <name=file>', 'let callers start tasks of this spec; repeatable', collectSpec)
    .option('--approve', 'commit the result of a task only after its diff was approved')
    .option('--allow-egress <host>', "let callers' sandboxes reach this host, or @npm, @pip, @apt; repeatable", collect)
    .option(
      '--ca <file>',
      "certificate authorities (PEM) that callers' sandboxes trust besides the usual ones",
      hostPath,
    )
    .option(
      '--upstream-proxy <url>',
      "proxy for the connections of callers' sandboxes; env takes it from the environment variables",
    )
    .option('--allow-image <name>', "let callers use this image besides Ripcord's own; repeatable", collect)
    .option('--allow-runtime <name>', 'let callers choose this OCI runtime, e.g. runsc; repeatable', collect)
    .option('--max-sandboxes <count>', 'maximum number of open sandboxes for each token (default: 32)', parseCount)
    .option('--max-memory <size>', 'largest memory limit a caller may request (default: 2g)')
    .addOption(
      new Option('--drain <time>', 'time that tasks have to end after SIGTERM (default: 10s)').argParser(parseDuration),
    )
    .addOption(
      new Option('--log-level <level>', 'lowest level of log lines on stderr')
        .choices(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info'),
    )
    .addHelpText(
      'after',
      examples([
        ['ripcord serve', 'on a Unix socket'],
        [
          'curl --unix-socket "$XDG_RUNTIME_DIR/ripcord/ripcord.sock" http://localhost/healthz',
          'check that it answers',
        ],
        ['ripcord serve --listen 7077', 'with a token and the dashboard, at http://127.0.0.1:7077'],
        ['ripcord serve --listen 7077 --spec fix=examples/repair/spec.mjs', 'callers may start that task'],
      ]),
    )
    .action(async (flags: ServeFlags) => {
      context.exitCode = await serve({ ...flags, ...globalOptions(command) }, context);
    });
}

async function serve(flags: ServeFlags & GlobalOptions, { interrupt }: CliContext): Promise<number> {
  const specs = Object.fromEntries(
    await Promise.all(
      Object.entries(flags.spec ?? {}).map(async ([name, file]) => [name, await loadSpec(file)] as const),
    ),
  );
  const logger = serverLogger(flags.logLevel);
  const token = flags.listen ? openToken(flags.tokenFile ?? `${serverDirectory()}/token`) : undefined;
  const { receipt } = await withManager({ ...flags, logger }, interrupt, async (manager) => {
    await using server = await RipcordServer.open(manager, {
      listen: flags.listen
        ? { ...flags.listen, public: flags.public ?? false }
        : { socket: flags.socket ?? `${serverDirectory()}/ripcord.sock` },
      tokens: token ? [{ name: token.name, token: token.token }] : [],
      hosts: flags.host ?? [],
      specs,
      approve: flags.approve ?? false,
      callers: {
        ...(flags.allowEgress && { allowEgress: flags.allowEgress }),
        ...(flags.ca !== undefined && { ca: readAuthorities(flags.ca) }),
        ...(flags.upstreamProxy !== undefined && { upstreamProxy: flags.upstreamProxy }),
        ...(flags.allowImage && { allowImages: flags.allowImage }),
        ...(flags.allowRuntime && { allowRuntimes: flags.allowRuntime }),
        ...(flags.maxSandboxes !== undefined && { maxSandboxes: flags.maxSandboxes }),
        ...(flags.maxMemory !== undefined && { maxMemory: flags.maxMemory }),
      },
      ...(flags.drain !== undefined && { patience: { drainMs: flags.drain } }),
      dashboard: dashboardDirectory(),
      logger,
    });
    note(`listening on ${server.address}`);
    if (token) noteToken(token);
    await new Promise<void>((resolve) => onAbort(interrupt.signal, resolve));
    note('stopping: nothing new, tasks are aborted, sandboxes closed');
    const { tasks, sandboxes } = await server.close();
    note(`closed ${sandboxes} sandboxes, ${tasks.settled} of ${tasks.running} tasks ended in time`);
  });
  leaveServerDirectory();
  note(`left behind: ${describeLeft(receipt)}`);
  return interrupt.exitCode ?? 0;
}
