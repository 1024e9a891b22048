/** Options of `manager.create()`. */
import { z } from 'zod';
import {
  absolutePath,
  envSchema,
  milliseconds,
  signalSchema,
  sizeSchema,
  text,
  userSchema,
} from '../base/option-fields.js';
import { type NetworkOptions, networkSchema } from '../egress/options.js';
import { MIN_TMPFS_BYTES, sizesProblem } from './tmpfs-sizes.js';

/** Resource limits of one sandbox. Sizes are bytes, or strings such as `'512m'` with units of 1024. */
export interface Limits {
  /**
   * Memory without swap, at least 16 MiB. Workspace, HOME and /tmp count towards it.
   * @default '512m'
   */
  memory?: string | number | undefined;
  /**
   * Number of CPUs, fractions allowed: at least 0.01, at most the CPUs of the engine's machine. `OMP_NUM_THREADS`, `GOMAXPROCS` and
   * the like have this number, rounded up, unless the image or `env` sets them.
   * @default 1
   */
  cpus?: number | undefined;
  /**
   * Pinning of the sandbox to as many CPUs as `cpus` is, rounded up, so that `nproc` prints that number. `true` takes the next ones
   * in turn, of those numbered from 0; a string names them, e.g. `'4-7'`. `false` allows every CPU of the machine.
   * @default false
   */
  cpuset?: boolean | string | undefined;
  /**
   * Maximum number of processes and threads, at least 8. It includes the agent's own: 1 and 1 per command.
   * @default 256
   */
  pids?: number | undefined;
  /**
   * Size of /workspace in `copy` mode, at least 4 KiB. If unset, 30 % of `memory`. Together with `home` and `tmp` it may be at most
   * 60 % of `memory`, so that full ones leave room to run; sizes that are unset share the rest.
   */
  workspace?: string | number | undefined;
  /** Size of HOME, which is /home/sandbox; at least 4 KiB. If unset, 16 % of `memory`. */
  home?: string | number | undefined;
  /** Size of /tmp, which is TMPDIR; at least 4 KiB. If unset, 14 % of `memory`. */
  tmp?: string | number | undefined;
  /** Size of /dev/shm, which counts towards `memory`; at least 4 KiB. If unset, an eighth of `memory`. */
  shm?: string | number | undefined;
  /**
   * Maximum number of files, directories and links in /workspace (inodes), at least 16. Each takes about 1 KiB of `memory` besides
   * its content. If unset, one for every 8 KiB of `memory` (65,536 of 512 MiB), at most 100,000.
   */
  files?: number | undefined;
  /** Maximum number of files, directories and links in HOME, at least 16. If unset, one for every 32 KiB of `memory`, at most 25,000. */
  homeFiles?: number | undefined;
  /** Maximum number of files, directories and links in /tmp, at least 16. If unset, one for every 32 KiB of `memory`, at most 25,000. */
  tmpFiles?: number | undefined;
  /**
   * Maximum number of open files of a process: the soft limit. The hard limit is four times that.
   * @default 1024
   */
  openFiles?: number | undefined;
  /**
   * Maximum number of sockets of all kinds that commands have open together, 16 to 1,048,576; a connection within the sandbox takes
   * two. Past it all commands of the sandbox are killed: `socketsLimitHit`. If unset: on an engine with cgroup v1, where the memory
   * of sockets counts towards no limit, one for every 256 KiB of `memory` (2,048 of 512 MiB), at least 512; else only `memory`
   * limits them. gVisor cannot enforce it, and `sandbox.warnings` then has a warning.
   */
  sockets?: number | undefined;
}

/** Host files that a workspace begins with. */
export interface SeedOptions {
  /** Path of a directory of the host. */
  from: string;
  /**
   * Patterns in .gitignore syntax of files to leave out.
   * @default []
   */
  ignore?: string[] | undefined;
  /**
   * Use of the .gitignore files found in the directory, and omission of `.git`.
   * @default true
   */
  gitignore?: boolean | undefined;
}

/** A workspace that is the sandbox's own: nothing of the host is mounted. */
export interface CopiedWorkspace {
  /**
   * Kind of the workspace: a private copy.
   * @default 'copy'
   */
  mode?: 'copy' | undefined;
  /** Files that the workspace begins with: a directory of the host, or its path. If unset, the workspace begins empty. */
  seed?: string | SeedOptions | undefined;
}

/** A workspace that is a mounted directory of the host: for local development with code that you trust. */
export interface BoundWorkspace {
  /** Kind of the workspace: a mount. */
  mode: 'bind';
  /** Path of the host directory. */
  path: string;
  /**
   * Protection of the directory from writes.
   * @default false
   */
  readOnly?: boolean | undefined;
}

/** Options of `manager.create()`. */
export interface CreateOptions {
  /**
   * Image of the container: one of Ripcord's (`python`, `node`, `shell`, `base`), any reference that the engine has, or an image id.
   * @default 'python'
   */
  image?: string | undefined;
  /**
   * Resource limits, each with its own default.
   * @default {}
   */
  limits?: Limits | undefined;
  /**
   * Network access. `none`: no interface but `lo`. `bridge`: the engine's unfiltered bridge, for code that you trust. An object: no
   * interface either, but a proxy to the listed hosts, which the usual programs find by environment variables.
   * @default 'none'
   */
  network?: 'none' | 'bridge' | NetworkOptions | undefined;
  /**
   * Files of the task: a private copy, or a mounted host directory.
   * @default { mode: 'copy' }
   */
  workspace?: CopiedWorkspace | BoundWorkspace | undefined;
  /**
   * Environment variables of every command. They override the image's.
   * @default {}
   */
  env?: Record<string, string> | undefined;
  /** User that runs commands: a uid, a name or `user:group`. If unset, see `uids`; in `bind` mode the host's caller. */
  user?: string | number | undefined;
  /**
   * Choice of the uid that runs commands if `user` is unset and the workspace is a copy. `auto`: in Ripcord's own images one that no
   * other sandbox has, called `sandbox`; in others 1000. `own`: one that no other sandbox has, in any image, with HOME, USER and
   * LOGNAME set. `shared`: 1000, with which limits that the kernel counts by uid, such as inotify's, are shared.
   * @default 'auto'
   */
  uids?: 'auto' | 'own' | 'shared' | undefined;
  /**
   * Absolute path of the directory that commands start in.
   * @default '/workspace'
   */
  cwd?: string | undefined;
  /**
   * Lifetime of the sandbox in milliseconds, enforced inside it. `sandbox.extend()` moves its end.
   * @default 3_600_000 (1 h)
   */
  lifetimeMs?: number | undefined;
  /**
   * Time in milliseconds that the sandbox lives without a heartbeat from its owner (frozen host, half-open TCP); at least 1000.
   * @default 60_000 (60 s)
   */
  leaseMs?: number | undefined;
  /** OCI runtime that the engine has, e.g. `runc` or `runsc` (gVisor). If unset, the engine's own default. */
  runtime?: string | undefined;
  /**
   * Root file system of the container: `writable` allows package installation as root and the like.
   * @default 'read-only'
   */
  rootfs?: 'read-only' | 'writable' | undefined;
  /**
   * Use of a warm Python: `runCode` in Python runs in a fork of it if that is equivalent to a fresh one, and in a fresh one
   * otherwise. It takes about 9 MiB of the sandbox's memory and 3 of its processes. See docs/internals/warm-interpreters.md.
   * @default false
   */
  warm?: boolean | undefined;
  /**
   * Labels of your own on the container. `ripcord.*` is reserved, except `ripcord.label.*`, where a server puts its callers'.
   * @default {}
   */
  labels?: Record<string, string> | undefined;
  /**
   * Reuse of the container: `close()` resets the sandbox, proves that nothing of its task is left, and keeps it for the next
   * `create()` with the same options. If that cannot be proven, it is removed. `true`, or the name of a trust domain: only tasks of
   * one domain follow each other. docs/pool.md lists the limits of a reset.
   * @default false
   */
  reuse?: boolean | string | undefined;
  /**
   * Time limit of the call in milliseconds: the engine has to start the sandbox in it.
   * @default 60_000 (60 s)
   */
  createTimeoutMs?: number | undefined;
  /** Signal that aborts the call: everything made by then is removed, and it throws TaskAbortedError. */
  signal?: AbortSignal | undefined;
}

// Refuse names that change the path of the engine's API, such as those with `..` or `?`.
const imageReference = z.string().refine((name) => /^\w[\w.:/@-]*$/.test(name) && !name.includes('/.'), {
  error: 'expected the name of an image, a reference or an id',
});

/** An engine treats a smaller number than these as 'without a limit'. */
export const memoryLimit = sizeSchema.refine((bytes) => bytes >= 16 * 1024 ** 2, {
  error: 'must be at least 16m',
  // Skip the checks of sizes that depend on it.
  abort: true,
});

/** The kernel's smallest quota is 1 ms in each period of 100 ms (`kernel/sched/core.c`, min_cfs_quota_period). */
export const cpuLimit = z.number().min(0.01, { error: 'must be at least 0.01' }).max(1024);

export const pidLimit = z.number().int().min(8).max(4_194_304);

export const socketLimit = z.number().int().min(16).max(1_048_576);

/** A tmpfs of size 0 has no limit (`tmpfs(5)`). */
const tmpfsSize = sizeSchema.refine((bytes) => bytes >= MIN_TMPFS_BYTES, { error: 'must be at least one page, 4k' });

const CPUS = "expected true, false or numbers of CPUs such as '0-3,6'";
const inodes = z.number().int().min(16).max(4_194_304);

export const limitsSchema = z
  .strictObject({
    memory: memoryLimit.default(512 * 1024 ** 2),
    cpus: cpuLimit.default(1),
    cpuset: z
      .union([z.boolean(), z.string().regex(/^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/, { error: CPUS })], {
        error: CPUS,
      })
      .default(false),
    pids: pidLimit.default(256),
    workspace: tmpfsSize.optional(),
    home: tmpfsSize.optional(),
    tmp: tmpfsSize.optional(),
    shm: tmpfsSize.optional(),
    files: inodes.optional(),
    homeFiles: inodes.optional(),
    tmpFiles: inodes.optional(),
    openFiles: z.number().int().min(16).max(262_144).default(1024),
    sockets: socketLimit.optional(),
  })
  .superRefine((limits, context) => {
    const message = sizesProblem(limits);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

export const seedSchema = z.union([
  text.min(1).transform((from) => ({ from, ignore: [] as string[], gitignore: true })),
  z.strictObject({
    from: text.min(1),
    ignore: z.array(z.string()).default([]),
    gitignore: z.boolean().default(true),
  }),
]);

export const workspaceSchema = z.discriminatedUnion(
  'mode',
  [
    z.strictObject({
      mode: z.literal('copy').default('copy'),
      seed: seedSchema.optional(),
    }),
    z.strictObject({
      mode: z.literal('bind'),
      path: text.min(1),
      readOnly: z.boolean().default(false),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? "expected 'copy' or 'bind'" : undefined) },
);

/** Prefix of the labels that a server's callers set: on the engine those labels have no meaning for other programs. */
export const CALLER_LABEL = 'ripcord.label.';

export const createSchema = z.strictObject({
  image: imageReference.default('python'),
  limits: limitsSchema.prefault({}),
  network: z.union([z.enum(['none', 'bridge']), networkSchema]).default('none'),
  workspace: workspaceSchema.default({ mode: 'copy' }),
  env: envSchema.default({}),
  user: userSchema.optional(),
  uids: z.enum(['auto', 'own', 'shared']).default('auto'),
  cwd: absolutePath.default('/workspace'),
  lifetimeMs: milliseconds.default(3_600_000),
  leaseMs: milliseconds.min(1000).default(60_000),
  runtime: text.min(1).optional(),
  rootfs: z.enum(['read-only', 'writable']).default('read-only'),
  warm: z.boolean().default(false),
  labels: z
    .record(
      z.string().refine((name) => !name.startsWith('ripcord.') || name.startsWith(CALLER_LABEL), {
        error: "labels under 'ripcord.' are reserved",
      }),
      z.string(),
    )
    .default({}),
  reuse: z.union([z.boolean(), text.min(1).max(256)]).default(false),
  createTimeoutMs: milliseconds.default(60_000),
  signal: signalSchema.optional(),
});

/** Schema of the argument of `sandbox.extend()`. */
export const extendSchema = z.strictObject({ lifetimeMs: milliseconds });

export type ResolvedCreateOptions = z.output<typeof createSchema>;
