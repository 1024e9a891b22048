/** The options `run` and `shell` make a sandbox from. */
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
  command.option('--image <name>', 'python, node, shell, agent, base, or any image of the engine');
  command.option(
    '--build',
    "build one of Ripcord's own images first if it is missing; on a terminal this happens without it",
  );
  return addFrameFlags(command)
    .option('--out <dir>', 'copy what changed in the workspace to this directory afterwards', hostPath)
    .option(
      '--no-default-ignores',
      'with --out: also new caches and dependency trees (__pycache__, node_modules, .venv …)',
    )
    .addOption(
      new Option(
        '--allow-rule <rule>',
        `with --out: also write files of this kind, which programs here obey; an empty directory needs it for repositories alone (${FLAG_RULES.join(', ')}); repeatable`,
      ).argParser(collectRule),
    )
    .option(
      '--allow-file <pattern>',
      'the same for single files, in .gitignore syntax: /go.sh, .envrc, .github/; repeatable',
      collect,
    )
    .option(
      '-p, --port <[local:]port>',
      'reach what listens on this port in the sandbox from here, without any network; repeatable',
      collectPort,
    )
    .option('--user <user>', 'run as this user (default: a uid that no other sandbox has)')
    .option('--cwd <dir>', 'start in this directory of the sandbox; ~ is its HOME (default: /workspace)');
}

/** What a sandbox may use and reach, and what it begins with. */
export function addFrameFlags(command: Command): Command {
  return command
    .option('--memory <size>', 'memory limit, files in the workspace included (default: 512m)')
    .option('--cpus <number>', 'CPUs, fractions allowed (default: 1)', parseNumber)
    .option('--pids <number>', 'limit of processes and threads (default: 256)', parseNumber)
    .option('--shm <size>', 'size of /dev/shm (default: an eighth of the memory)')
    .option(
      '--sockets <number>',
      'limit of open sockets, past which all is killed (default: on cgroup v1 one for every 256k of memory)',
      parseNumber,
    )
    .option('-e, --env <name=value>', 'environment variable; NAME alone takes it from here; repeatable', collectEnv)
    .option('--seed <dir>', 'copy this directory into the workspace first (.gitignore honoured)', hostPath)
    .addOption(
      new Option(
        '--network <mode>',
        'none, or bridge: the unfiltered internet, for code you trust (default: none)',
      ).choices(['none', 'bridge']),
    )
    .option(
      '--allow <host>',
      'let it reach this host and no other: example.com, *.example.org, 10.0.0.7:5432, localhost:8080 (which is ' +
        'host.ripcord.internal:8080 inside), @npm, @pip, @apt: what these tools are set to here; repeatable',
      collect,
    )
    .option('--deny <host>', 'not this one, though --allow covers it; repeatable', collect)
    .option(
      '--ca <file>',
      'with --allow: certificate authorities (PEM) to trust inside besides the usual ones',
      hostPath,
    )
    .option(
      '--upstream-proxy <url>',
      'with --allow: the proxy this machine connects through; env: as the environment says',
    )
    .option('--runtime <name>', 'OCI runtime of the engine, e.g. runsc (gVisor)');
}

/** @param image For where `--image` is not given. */
export function createOptions(flags: SandboxFlags, image: string, signal: AbortSignal): CreateOptions {
  const { allow = [], allowFile, allowRule, out } = flags;
  checkHosts(allow, flags);
  for (const [flag, value] of Object.entries({ '--allow-file': allowFile, '--allow-rule': allowRule })) {
    if (value && out === undefined) throw new InvalidOptionsError(`${flag} is for what --out writes`);
  }
  return { ...frameOptions(flags), image: flags.image ?? image, user: flags.user, signal };
}

/** The obeyed files that `--out` may write. */
export const allowance = ({ allowFile = [], allowRule = [] }: SandboxFlags): Allowance => ({
  allow: allowFile,
  allowRules: allowRule,
});

/** The other flags that say how `--out` writes. */
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
  if (deny) throw new InvalidOptionsError('--deny takes from what --allow gives: without it nothing can be reached');
  for (const [flag, value] of Object.entries({ '--ca': ca, '--upstream-proxy': upstreamProxy })) {
    if (value !== undefined) throw new InvalidOptionsError(`${flag} is for what --allow lists`);
  }
  return network;
}

/** The text of a PEM file. */
export function readAuthorities(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidOptionsError(`--ca: ${file} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
