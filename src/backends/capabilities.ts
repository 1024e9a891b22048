/** The promises that an engine can keep. */
import { InvalidOptionsError } from '../base/errors.js';

export interface Capabilities {
  /** A directory of this machine can be the workspace. */
  bind: boolean;
  /** Ripcord's own images can be built and listed. */
  imageBuild: boolean;
  /** An image can be looked at before a container of it runs. */
  imageInspect: boolean;
  /** Each container has its own limit of processes. */
  pidsLimit: boolean;
  /** The number of files in a file system in memory can be limited. */
  inodeLimit: boolean;
  /** The limits of a running container can be changed. */
  resize: boolean;
  /** A used container can be reset and proven clean. */
  reuse: boolean;
  /** A running container can be frozen. */
  pause: boolean;
  /** A sandbox without a network has no interface (`kernel`), or one that the rules of the cluster shut (`policy`). */
  network: 'kernel' | 'policy';
  /** At its memory limit a process of the sandbox ends, or all of it. */
  oom: 'process' | 'sandbox';
  /** A new pipe can take the place of one that broke. */
  survivesPipeLoss: boolean;
}

type Given = Readonly<Record<string, unknown>>;
type Needed = { [Name in keyof Capabilities]: Capabilities[Name] extends boolean ? Name : never }[keyof Capabilities];

interface Rule {
  option: string;
  capability: Needed;
  isAsked(given: Given): boolean;
  /** Goes on after the option's name. */
  problem(engine: string): string;
  hint: string;
}

const limit = (name: string) => (given: Given) => (given.limits as Given | undefined)?.[name] !== undefined;
const inodes = (name: string): Rule => ({
  option: `limits.${name}`,
  capability: 'inodeLimit',
  isAsked: limit(name),
  problem: (engine) => `cannot be kept: the engine has no limit of files; it is ${engine}`,
  hint: 'Leave it out: limits.memory bounds them, since each takes about 1 KiB of it.',
});

const RULES: readonly Rule[] = [
  {
    option: "workspace.mode 'bind'",
    capability: 'bind',
    isAsked: ({ workspace }) => (workspace as Given | undefined)?.mode === 'bind',
    problem: (engine) => `needs an engine on this machine; this one is ${engine}`,
    hint: "Use mode 'copy' with a seed, and download what changed.",
  },
  {
    option: 'limits.pids',
    capability: 'pidsLimit',
    isAsked: limit('pids'),
    problem: (engine) => `cannot be kept: the engine has no limit of processes for one sandbox; it is ${engine}`,
    hint: 'Leave it out: the machines of such an engine have a limit of their own.',
  },
  inodes('files'),
  inodes('homeFiles'),
  inodes('tmpFiles'),
  {
    option: 'reuse',
    capability: 'reuse',
    isAsked: ({ reuse }) => reuse !== undefined && reuse !== false,
    problem: (engine) => `cannot be kept: the engine has no proof that a used sandbox is empty; it is ${engine}`,
    hint: 'Leave it out: each task then has a sandbox of its own.',
  },
];

/**
 * Refuses an option that the engine cannot keep. Defaults are kept as well as the engine can.
 *
 * @param given the options before defaults are filled in; their types are checked already
 * @throws InvalidOptionsError that names the option and the engine
 */
export function refuseUnkept(
  place: string,
  given: object,
  { capabilities, description }: { capabilities: Capabilities; description: string },
): void {
  for (const { option, capability, isAsked, problem, hint } of RULES) {
    if (capabilities[capability] || !isAsked(given as Given)) continue;
    const details = { option, capability };
    throw new InvalidOptionsError(`${place}: ${option} ${problem(description)}`, { hint, details });
  }
}
