/** Capabilities of an engine, and the refusal of options that need a missing one. */
import { InvalidOptionsError } from '../base/errors.js';

export interface Capabilities {
  /** True if a host directory can be the workspace. */
  bind: boolean;
  /** True if Ripcord's own images can be built and listed. */
  imageBuild: boolean;
  /** True if an image can be inspected before a container of it runs. */
  imageInspect: boolean;
  /** True if each container has its own limit of processes. */
  pidsLimit: boolean;
  /** True if the number of files in a tmpfs can be limited. */
  inodeLimit: boolean;
  /** True if the limits of a running container can be changed. */
  resize: boolean;
  /** True if a used container can be reset and proven clean. */
  reuse: boolean;
  /** True if a running container can be paused. */
  pause: boolean;
  /**
   * Isolation without a network: no interface (`kernel`), or an interface that the cluster's rules block (`policy`).
   */
  network: 'kernel' | 'policy';
  /** Unit that is killed at the memory limit: one process, or the whole sandbox. */
  oom: 'process' | 'sandbox';
  /** True if a new pipe can replace a broken one. */
  survivesPipeLoss: boolean;
}

type Given = Readonly<Record<string, unknown>>;
type Needed = { [Name in keyof Capabilities]: Capabilities[Name] extends boolean ? Name : never }[keyof Capabilities];

interface Rule {
  option: string;
  capability: Needed;
  isAsked(given: Given): boolean;
  /** Text after the name of the option. */
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
 * Refuses an option that the engine cannot enforce. Defaults are enforced as far as the engine can.
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
