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
import { networkSchema } from '../egress/options.js';
import { MIN_TMPFS_BYTES, sizesProblem } from './tmpfs-sizes.js';

// It becomes part of a path of the engine's API, where `..` and `?` would name something else.
const imageReference = z.string().refine((name) => /^\w[\w.:/@-]*$/.test(name) && !name.includes('/.'), {
  error: 'expected the name of an image, a reference or an id',
});

/** An engine reads a smaller number than these as 'without a limit'. */
export const memoryLimit = sizeSchema.refine((bytes) => bytes >= 16 * 1024 ** 2, {
  error: 'must be at least 16m',
  // Sizes that follow from it are not looked at then.
  abort: true,
});

/** The kernel's smallest quota is 1 ms in each period of 100 (`kernel/sched/core.c`, min_cfs_quota_period). */
export const cpuLimit = z.number().min(0.01, { error: 'must be at least 0.01' }).max(1024);

export const pidLimit = z.number().int().min(8).max(4_194_304);

export const socketLimit = z.number().int().min(16).max(1_048_576);

/** A tmpfs of size 0 is one without a limit (`tmpfs(5)`). */
const tmpfsSize = sizeSchema.refine((bytes) => bytes >= MIN_TMPFS_BYTES, { error: 'must be at least one page, 4k' });

const CPUS = "expected true, false or numbers of CPUs such as '0-3,6'";
const inodes = z.number().int().min(16).max(4_194_304);

/** Resource limits of one sandbox. */
export const limitsSchema = z
  .strictObject({
    /** Memory, swap excluded because there is none. Default 512 MiB, at least 16 MiB. Workspace, HOME and /tmp count towards it. */
    memory: memoryLimit.default(512 * 1024 ** 2),
    /**
     * CPUs, fractions allowed. Default 1, at least 0.01, at most what the engine's machine has. Programs are told by `OMP_NUM_THREADS`, `GOMAXPROCS` and the like,
     * rounded up; what the image or you set of these wins.
     */
    cpus: cpuLimit.default(1),
    /**
     * Pin the sandbox to as many CPUs as `cpus` is, rounded up, so that `nproc` tells the truth. `true`: the next ones in
     * turn, of those numbered from 0. Or the numbers themselves, e.g. `'4-7'`. Default false: any CPU of the machine.
     */
    cpuset: z
      .union([z.boolean(), z.string().regex(/^\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*$/, { error: CPUS })], {
        error: CPUS,
      })
      .default(false),
    /** Processes and threads, the agent's own (1 and 1 per command) included. Default 256, at least 8. */
    pids: pidLimit.default(256),
    /**
     * Size of /workspace in `copy` mode. Default: 30 % of `memory`; at least 4 KiB. Together with `home` and `tmp` at most
     * 60 % of it, so that full ones leave room to run; what is not given shares what the given ones leave.
     */
    workspace: tmpfsSize.optional(),
    /** Size of HOME, which is /home/sandbox. Default: 16 % of `memory`; at least 4 KiB. */
    home: tmpfsSize.optional(),
    /** Size of /tmp, which is TMPDIR. Default: 14 % of `memory`; at least 4 KiB. */
    tmp: tmpfsSize.optional(),
    /** Size of /dev/shm, which counts towards `memory`. Default: an eighth of it; at least 4 KiB. */
    shm: tmpfsSize.optional(),
    /**
     * Files, directories and links in /workspace (inodes); each takes about 1 KiB of `memory` besides its content. Default:
     * one for every 8 KiB of `memory` (65,536 of 512 MiB), at most 100,000; at least 16.
     */
    files: inodes.optional(),
    /** Files, directories and links in HOME. Default: one for every 32 KiB of `memory`, at most 25,000; at least 16. */
    homeFiles: inodes.optional(),
    /** Files, directories and links in /tmp. Default: one for every 32 KiB of `memory`, at most 25,000; at least 16. */
    tmpFiles: inodes.optional(),
    /** Open files a process: soft limit; the hard one is four times that. Default 1024. */
    openFiles: z.number().int().min(16).max(262_144).default(1024),
    /**
     * Sockets of all kinds that commands may have open together, 16 to 1,048,576; a connection within the sandbox takes two. Past
     * it all its commands are killed: `socketsLimitHit`. Default: one for every 256 KiB of `memory` (2,048 of 512 MiB), at least
     * 512, on an engine with cgroup v1, which counts what sockets hold towards no limit; else no limit but `memory`.
     * gVisor keeps none, with a warning where one is given: `sandbox.warnings`.
     */
    sockets: socketLimit.optional(),
  })
  .superRefine((limits, context) => {
    const message = sizesProblem(limits);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });

/** Which host files a workspace begins with. */
export const seedSchema = z.union([
  text.min(1).transform((from) => ({ from, ignore: [] as string[], gitignore: true })),
  z.strictObject({
    /** A directory of the host. */
    from: text.min(1),
    /** Patterns in .gitignore syntax of what to leave out. */
    ignore: z.array(z.string()).default([]),
    /** Honour the .gitignore files found in it, and leave out `.git`. Default true. */
    gitignore: z.boolean().default(true),
  }),
]);

export const workspaceSchema = z.discriminatedUnion(
  'mode',
  [
    z.strictObject({
      /** The sandbox gets a private copy; nothing of the host is mounted. The default. */
      mode: z.literal('copy').default('copy'),
      seed: seedSchema.optional(),
    }),
    z.strictObject({
      /** A host directory is mounted: for local development with code you trust. */
      mode: z.literal('bind'),
      path: text.min(1),
      readOnly: z.boolean().default(false),
    }),
  ],
  { error: ({ code }) => (code === 'invalid_union' ? "expected 'copy' or 'bind'" : undefined) },
);

/** Before the names of the labels of a server's callers: on the engine they mean nothing to other programs. */
export const CALLER_LABEL = 'ripcord.label.';

/** `manager.create()` */
export const createSchema = z.strictObject({
  /** One of ours (`python`, `node`, `shell`, `base`), any reference the engine has, or an image id. Default `python`. */
  image: imageReference.default('python'),
  limits: limitsSchema.prefault({}),
  /**
   * `none` (default): no interface but `lo`. `bridge`: the engine's unfiltered bridge, for code you trust. An object: no
   * interface either, but the listed hosts can be reached through a proxy that the usual programs find by environment.
   */
  network: z.union([z.enum(['none', 'bridge']), networkSchema]).default('none'),
  workspace: workspaceSchema.default({ mode: 'copy' }),
  /** Environment of every command, over the image's own. */
  env: envSchema.default({}),
  /** Who commands run as. Default: see `uids`; in `bind` mode the host's caller. */
  user: userSchema.optional(),
  /**
   * Which uid commands run as where `user` is not given and the workspace is a copy. `auto` (default): in Ripcord's own images
   * one that no other sandbox has, called `sandbox`; in others 1000. `own`: one that no other sandbox has, in any image, with
   * HOME, USER and LOGNAME set. `shared`: 1000. Limits that the kernel counts for each uid, as inotify's, are shared by all with it.
   */
  uids: z.enum(['auto', 'own', 'shared']).default('auto'),
  /** Where commands start. Default `/workspace`. */
  cwd: absolutePath.default('/workspace'),
  /** Hard end of the sandbox, enforced inside it. Default 1 h. */
  lifetimeMs: milliseconds.default(3_600_000),
  /** How long the sandbox lives without a sign of life from its owner (frozen host, half-open TCP). Default 60 s. */
  leaseMs: milliseconds.min(1000).default(60_000),
  /** An OCI runtime the engine knows, e.g. `runc`, `runsc` (gVisor). Default: the engine's own default. */
  runtime: text.min(1).optional(),
  /** `read-only` (default), or `writable` for package installation as root and the like. */
  rootfs: z.enum(['read-only', 'writable']).default('read-only'),
  /**
   * Keep a warm python: `runCode` in python runs in a fork of it, where that is the same as a fresh one, and in a fresh
   * one elsewhere. About 9 MiB of the sandbox's memory and 3 of its processes. Default false. docs/warm-interpreters.md
   */
  warm: z.boolean().default(false),
  /** Labels of your own on the container; `ripcord.*` is reserved, but for `ripcord.label.*`, where a server puts its callers'. */
  labels: z
    .record(
      z.string().refine((name) => !name.startsWith('ripcord.') || name.startsWith(CALLER_LABEL), {
        error: "labels under 'ripcord.' are reserved",
      }),
      z.string(),
    )
    .default({}),
  /**
   * `close()` resets the sandbox, proves that nothing of its task is left, and keeps it for the next `create()` with the
   * same options; where that cannot be proven it is removed as any other. `true`, or the name of a trust domain: only
   * tasks of one domain follow each other. Default false. docs/pool.md says what no reset can undo.
   */
  reuse: z.union([z.boolean(), text.min(1).max(256)]).default(false),
  /** How long the engine may take to bring it up. Default 60 s. */
  createTimeoutMs: milliseconds.default(60_000),
  signal: signalSchema.optional(),
});

/** `sandbox.extend()` */
export const extendSchema = z.strictObject({ lifetimeMs: milliseconds });

export type CreateOptions = z.input<typeof createSchema>;
export type ResolvedCreateOptions = z.output<typeof createSchema>;
export type Limits = z.input<typeof limitsSchema>;
