/** Options of `run` and `shell` for their sandbox. */
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { InvalidOptionsError, messageOf } from '../../base/errors.js';
import type { Allowance } from '../../commit/review/allowed-flags.js';
import type { FlagRule } from '../../commit/review/flags.js';
import { FLAG_RULES } from '../../commit/review/obeyed-files.js';
import type { CreateOptions } from '../../launch/options.js';
import { hostPath } from '../../sandbox/home-path.js';
import { collect, collectEnv, collectPort, parseNumber } from '../parse.js';
import { checkHosts } from './host-list.js';
import type { PortFlag } from './ports.js';

export interface FrameFlags {
  memory?: string;
  cpus?: number;
  pids?: number;
  shm?: string;
  sockets?: number;
  env?: Record<string, string>;
  seed?: string;
  network?: 'none' | 'bridge';
  allow?: string[];
  deny?: string[];
  ca?: string;
  upstreamProxy?: string;
  runtime?: string;
}

export interface SandboxFlags extends FrameFlags {
  image?: string;
  build?: boolean;
  out?: string;
  allowRule?: FlagRule[];
  allowFile?: string[];
  defaultIgnores: boolean;
  port?: PortFlag[];
  user?: string;
  cwd?: string;
}

export function addSandboxFlags(command: Command): Command {
  command.option(
    '--image <name>',
    'image of the sandbox: python, node, shell, agent, base, or any image of the engine',
  );
  command.option(
    '--build',
    "build the image first if it is one of Ripcord's own and missing; on a terminal this is the default",
  );
  return addFrameFlags(command)
    .option('--out <dir>', 'copy changed files of the workspace to this directory afterwards', hostPath)
    .option(
      '--no-default-ignores',
      'include new caches and dependency trees in --out: __pycache__, node_modules, .venv …',
    )
    .addOption(
      new Option(
        '--allow-rule <rule>',
        `kind of files to write to --out although programs here obey them: ${FLAG_RULES.join(', ')}; an empty directory needs it only for repositories; repeatable`,
      ).argParser(collectRule),
    )
    .option(
      '--allow-file <pattern>',
      'pattern of files to write to --out although programs here obey them, in .gitignore syntax: /go.sh, .envrc, .github/; repeatable',
      collect,
    )
    .option(
      '-p, --port <[local:]port>',
      'forward a local port to this port in the sandbox, also without a network; repeatable',
      collectPort,
    )
    .option('--user <user>', 'run as this user (default: a uid that no other sandbox has)')
    .option('--cwd <dir>', 'start in this directory of the sandbox; ~ is its HOME (default: /workspace)');
}

/** Adds the options for the limits, the network and the initial files of a sandbox. */
export function addFrameFlags(command: Command): Command {
  return command
    .option('--memory <size>', 'memory limit, files in the workspace included (default: 512m)')
    .option('--cpus <number>', 'number of CPUs, fractions allowed (default: 1)', parseNumber)
    .option('--pids <number>', 'maximum number of processes and threads (default: 256)', parseNumber)
    .option('--shm <size>', 'size of /dev/shm (default: an eighth of the memory)')
    .option(
      '--sockets <number>',
      'maximum number of open sockets; a sandbox with more has all its commands killed (default: on cgroup v1 one for every 256k of memory)',
      parseNumber,
    )
    .option(
      '-e, --env <name=value>',
      'environment variable; NAME alone takes its value from this environment; repeatable',
      collectEnv,
    )
    .option('--seed <dir>', 'copy this directory into the workspace first (.gitignore honoured)', hostPath)
    .addOption(
      new Option(
        '--network <mode>',
        'network of the sandbox: none, or bridge, the unfiltered internet, for code you trust (default: none)',
      ).choices(['none', 'bridge']),
    )
    .option(
      '--allow <host>',
      'host that the sandbox may reach; all others stay blocked: example.com, *.example.org, 10.0.0.7:5432, localhost:8080 (inside: ' +
        'host.ripcord.internal:8080), or @npm, @pip, @apt: the servers that these tools use here; repeatable',
      collect,
    )
    .option('--deny <host>', 'block this host even if --allow matches it; repeatable', collect)
    .option(
      '--ca <file>',
      'certificate authorities (PEM) to trust inside besides the usual ones; needs --allow',
      hostPath,
    )
    .option(
      '--upstream-proxy <url>',
      'proxy that this machine connects through; env takes it from the environment variables; needs --allow',
    )
    .option('--runtime <name>', 'OCI runtime of the engine, e.g. runsc (gVisor)');
}

/**
 * Turns the flags into options of `create()`.
 * @param image Image to use if `--image` is not given.
 */
export function createOptions(flags: SandboxFlags, image: string, signal: AbortSignal): CreateOptions {
  const { allow = [], allowFile, allowRule, out } = flags;
  checkHosts(allow, flags);
  for (const [flag, value] of Object.entries({ '--allow-file': allowFile, '--allow-rule': allowRule })) {
    if (value && out === undefined) throw new InvalidOptionsError(`${flag} needs --out`);
  }
  return { ...frameOptions(flags), image: flags.image ?? image, user: flags.user, signal };
}

/** Returns the files that `--out` may write although programs here obey them. */
export const allowance = ({ allowFile = [], allowRule = [] }: SandboxFlags): Allowance => ({
  allow: allowFile,
  allowRules: allowRule,
});

/** Returns the other flags that `--out` takes into account. */
export const pickOut = ({ seed, defaultIgnores }: SandboxFlags) => ({ seed, defaultIgnores });

function collectRule(value: string, collected: FlagRule[] = []): FlagRule[] {
  const rule = FLAG_RULES.find((known) => known === value);
  if (rule === undefined) throw new InvalidArgumentError(`There are: ${FLAG_RULES.join(', ')}.`);
  return [...collected, rule];
}

export function frameOptions(flags: FrameFlags): CreateOptions {
  const { memory, cpus, pids, shm, sockets, env, seed, runtime } = flags;
  return {
    limits: { memory, cpus, pids, shm, sockets },
    workspace: { mode: 'copy', seed },
    env,
    network: network(flags),
    runtime,
  };
}

function network({ network, allow, deny, ca, upstreamProxy }: FrameFlags): CreateOptions['network'] {
  if (network !== undefined && (allow || deny)) {
    throw new InvalidOptionsError(`--network ${network} and --${allow ? 'allow' : 'deny'} exclude each other`);
  }
  if (allow) return { allow, deny, ca: ca === undefined ? undefined : readAuthorities(ca), upstreamProxy };
  if (deny) throw new InvalidOptionsError('--deny needs --allow: without it nothing can be reached');
  for (const [flag, value] of Object.entries({ '--ca': ca, '--upstream-proxy': upstreamProxy })) {
    if (value !== undefined) throw new InvalidOptionsError(`${flag} needs --allow`);
  }
  return network;
}

/** Returns the text of a PEM file. */
export function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidOptionsError(`--ca: ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
