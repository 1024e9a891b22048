/** One zod schema for each options object of the public API. Checked at the edge, trusted inside. */
import { z } from 'zod';
import { InvalidOptionsError } from './base/errors.js';
import type { Logger } from './base/logger.js';
import { describeIssue } from './base/option-problems.js';
import { ownOptions } from './base/own-options.js';
import { LANGUAGES, type Language, type LanguageName, languageNamed } from './command/language-names.js';
import { MIN_TMPFS_BYTES, sizesProblem } from './launch/tmpfs-sizes.js';
import type { PoolOptions } from './pool/pool-options.js';

const UNITS: Record<string, number> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 };

/** Parses `'512m'`, `'1.5GiB'`, `'64kb'` or a number of bytes. Units are powers of 1024, as in the docker CLI. */
export function parseSize(size: string | number): number | undefined {
  if (typeof size === 'number') return Number.isSafeInteger(size) && size >= 0 ? size : undefined;
  const match = /^\s*(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?\s*$/i.exec(size);
  if (!match) return undefined;
  const bytes = Math.floor(Number(match[1]) * (UNITS[match[2]!.toLowerCase()] ?? Number.NaN));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** A size: bytes as a number, or a string such as `'512m'`. Parsed to bytes. */
export const sizeSchema = z
  .union([z.number(), z.string()])
  .refine((size) => parseSize(size) !== undefined, { error: "expected bytes or a size such as '512m'" })
  .transform((size) => parseSize(size)!);

/** setTimeout overflows past it, and then fires at once. */
export const MAX_MS = 2 ** 31 - 1;
/** A drain is for helpers that end by themselves soon; `detached` is for servers. */
const MAX_DRAIN_MS = 60_000;
export const milliseconds = z.number().int().min(1).max(MAX_MS);
const signalSchema = z.custom<AbortSignal>((value) => value instanceof AbortSignal, {
  error: 'expected an AbortSignal',
});
const text = z.string().refine((value) => !value.includes('\0'), { error: 'must not contain a NUL byte' });
const envSchema = z.record(
  z
    .string()
    .min(1)
    .refine((name) => !/[=\0]/.test(name), { error: "a variable's name must not contain '=' or NUL" }),
  text,
);
/** The number above it means "no change" to the kernel. */
const MAX_ID = 0xffff_fffe;
const isId = (part: string): boolean => /^\d+$/.test(part) && Number(part) <= MAX_ID;
const userSchema = z.union([
  z.number().int().min(0).max(MAX_ID).transform(String),
  z
    .string()
    .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$/, {
      error: "expected a uid, a name, or 'user:group'",
    })
    .transform((user) => user.split(':'))
    .refine((parts) => parts.every((part) => !/^\d/.test(part) || isId(part)), {
      error: `a part that begins with a digit must be a number up to ${MAX_ID}`,
    })
    // One spelling for one user: `00` is root, too.
    .transform((parts) => parts.map((part) => (isId(part) ? String(Number(part)) : part)).join(':')),
]);
// It becomes part of a path of the engine's API, where `..` and `?` would name something else.
const imageReference = z.string().refine((name) => /^\w[\w.:/@-]*$/.test(name) && !name.includes('/.'), {
  error: 'expected the name of an image, a reference or an id',
});
const absolutePath = text.refine((path) => path.startsWith('/'), { error: 'expected an absolute path' });

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

const port = z.number().int().min(1).max(65_535);

/** Egress through the pipe: still no interface but `lo`; the host decides about each connection. */
export const networkSchema = z.strictObject({
  /**
   * `api.example.com`, `*.example.org`, `10.0.0.7:5432`, `10.0.0.0/8`, `[fd00::1]:443`, `*`. Empty: none. `localhost:8080` is a
   * port of the host, and called `host.ripcord.internal:8080` inside, where localhost is the sandbox itself.
   * `@npm`, `@pip`, `@apt`: the hosts that these tools are set to on this machine, asked of them when the sandbox is made.
   */
  allow: z.array(text.min(1)).max(1000),
  /** The same grammar; an entry without a port is for every port. Wins over `allow`. */
  deny: z.array(text.min(1)).max(1000).default([]),
  /** The ports of entries without one. Default 80 and 443. */
  ports: z.array(port).min(1).default([80, 443]),
  /** Both directions together, over the sandbox's life; past it connections are cut. Default: no limit. */
  maxBytes: sizeSchema.optional(),
  /** At a time; further ones wait. Default 64. */
  maxConnections: z.number().int().min(1).max(256).default(64),
  /** Headers added on the host, so that their values never enter the sandbox. */
  inject: z
    .array(
      z.strictObject({
        /** An exact name, with a port or without (443, or 80 with `tls: false`). */
        host: text.min(1),
        /** The header's name, e.g. `authorization`. What the sandbox sends under it is dropped. */
        header: z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'expected the name of a header' }),
        /** The environment variable of this process that holds the value. */
        fromEnv: text.min(1),
        /** Before the value, e.g. `Bearer `. */
        prefix: text.default(''),
        /** Default true: the sandbox asks in plain HTTP, the host goes on in TLS and checks the certificate. */
        tls: z.boolean().default(true),
      }),
    )
    .default([]),
  /**
   * Certificate authorities (PEM) to trust besides the image's, for a private registry or a proxy that inspects TLS: the
   * usual variables name them inside, and `inject` trusts them on the host. Default: none.
   */
  ca: text.min(1).optional(),
  /**
   * A proxy that the host connects through: its `http://` or `https://` URL, or `env` for HTTP_PROXY, HTTPS_PROXY and
   * NO_PROXY of this process. Which address a name has is then that proxy's to check. Default: none.
   */
  upstreamProxy: text.min(1).optional(),
});

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

const commandFields = {
  /** Absolute, or relative to the sandbox's `cwd`. */
  cwd: text.min(1).optional(),
  /** Over the sandbox's own. */
  env: envSchema.default({}),
  /** A uid, a name or `user:group`. Root is refused (`agent-unsafe`) where it could reach the agent: older gVisor. */
  user: userSchema.optional(),
  /** Wall-clock limit, enforced inside the sandbox. Default: none (the sandbox's lifetime is one). */
  timeoutMs: milliseconds.optional(),
  /** Between SIGTERM and SIGKILL when a command is timed out, aborted or killed. Default 500 ms. */
  killGraceMs: z.number().int().min(0).max(MAX_MS).default(500),
  /**
   * How long what the command leaves running may go on after the command has ended. What has not ended by itself then is
   * killed and counted (`backgroundKilled`). Nothing is waited for when nothing is left. 0: it is killed at once. Default
   * 200 ms: a shell's `> >(tee log)` or Python's resource tracker needs a few. At most a minute. Not for `detached`.
   */
  drainMs: z.number().int().min(0).max(MAX_DRAIN_MS).default(200),
  signal: signalSchema.optional(),
};

type OutputCallback = (chunk: never) => unknown;
const callback = z.custom<OutputCallback>((value) => typeof value === 'function', { error: 'expected a function' });

/** `sandbox.exec()` */
export const execSchema = z.strictObject({
  ...commandFields,
  /** What the command reads. Default: nothing (`/dev/null`). */
  stdin: z
    .custom<StdinSource>((value) => typeof value === 'string' || isBytes(value) || isAsyncIterable(value), {
      error: 'expected a string, bytes or an async iterable of them',
    })
    .optional(),
  /** Kept of each channel, head and tail; the rest is counted and dropped inside the sandbox. Default 1 MiB. */
  maxOutputBytes: sizeSchema
    .refine((bytes) => bytes <= 16 * 1024 ** 2, { error: 'must be at most 16m' })
    .default(1024 ** 2),
  /** `truncate` (default), or `kill` the command when a channel passes `maxOutputBytes`. */
  onOutputLimit: z.enum(['truncate', 'kill']).default('truncate'),
  /** `utf8` (default): text. `buffer`: exact bytes, in the result and the callbacks. */
  encoding: z.enum(['utf8', 'buffer']).default('utf8'),
  /** Called with output as it comes. A promise it returns is waited for before more is read. */
  onStdout: callback.optional(),
  onStderr: callback.optional(),
});

export type StdinSource = string | Uint8Array | AsyncIterable<string | Uint8Array>;

const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array;
const isAsyncIterable = (value: unknown): value is AsyncIterable<string | Uint8Array> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value;

/** `command.resize()` */
export const terminalSizeSchema = z.strictObject({
  cols: z.number().int().min(1).max(65_535),
  rows: z.number().int().min(1).max(65_535),
});

/** `sandbox.spawn()` */
export const spawnSchema = z.strictObject({
  ...commandFields,
  /** A terminal: stdout and stderr are one, stdin is a keyboard. */
  pty: z.union([z.boolean(), terminalSizeSchema]).default(false),
  /** `pipe` (default) or `ignore` (`/dev/null`). */
  stdin: z.enum(['pipe', 'ignore']).default('pipe'),
  /** What the command leaves in the background lives on (until the sandbox ends). Default false: it is killed. */
  detached: z.boolean().default(false),
});

/** `sandbox.runCode()` */
export const runCodeSchema = execSchema.extend({
  /**
   * The language; `py`, `js`, `ts`, `sh` and the like are taken, too. Default: `javascript` in our `node` image and `bash` in `shell`, also in images
   * made from them; else `python`.
   */
  language: z
    .preprocess((name) => (typeof name === 'string' ? (languageNamed(name) ?? name) : name), z.enum(LANGUAGES))
    .optional(),
  /** Arguments for the program. */
  args: z.array(text).default([]),
  /** Python only: it may run in a fork of a warm interpreter. Default: the sandbox's `warm`. The first use starts one. */
  warm: z.boolean().optional(),
});

const fileFields = { signal: signalSchema.optional(), user: userSchema.optional() };
const permissions = z.number().int().min(0).max(0o777);

export const readSchema = z.strictObject({
  ...fileFields,
  /** Where to begin. Default 0. */
  offset: z.number().int().min(0).default(0),
  /** A larger rest is an error (`file-too-large`) before a byte is read. Default 64 MiB. */
  maxBytes: sizeSchema.default(64 * 1024 ** 2),
});
export const readStreamSchema = readSchema.extend({
  /** As in {@link readSchema}, but without a default. */
  maxBytes: sizeSchema.optional(),
});
export const writeSchema = z
  .strictObject({
    ...fileFields,
    /** Permissions. Default: those of the file that is there, else 0o644. */
    mode: permissions.optional(),
    /** Make missing parent directories. Default true. */
    parents: z.boolean().default(true),
    /** Add to the end. Default false. */
    append: z.boolean().default(false),
    /** Fail with `file-exists` where something is there. Default false. */
    exclusive: z.boolean().default(false),
    /**
     * Put a new file in the place of the old one by a rename: a reader sees the old content or the new, never a part. The
     * file gets a new inode, so that watchers of the old one (`tail -f`, `node --watch`) see nothing more, and other hard
     * links keep the old content. Default false: the content of the file is replaced.
     */
    atomic: z.boolean().default(false),
  })
  .refine(({ append, atomic }) => !(append && atomic), {
    error: 'append and atomic exclude each other',
    path: ['atomic'],
  });
export const listSchema = z.strictObject({
  ...fileFields,
  /** Levels below the directory. Default 1; `Infinity` for all. */
  depth: z.union([z.number().int().min(1), z.literal(Number.POSITIVE_INFINITY)]).default(1),
  /** More is an error (`too-many-entries`). Default 100,000. */
  maxEntries: z.number().int().min(1).default(100_000),
});
export const statSchema = z.strictObject({
  ...fileFields,
  /** Follow a symbolic link. Default true. */
  follow: z.boolean().default(true),
});
export const makeDirSchema = z.strictObject({
  ...fileFields,
  mode: permissions.default(0o755),
  /** Make missing parents, and accept one that exists. Default true. */
  parents: z.boolean().default(true),
});
export const removeSchema = z.strictObject({
  ...fileFields,
  recursive: z.boolean().default(false),
  /** Nothing there is fine. Default false. */
  force: z.boolean().default(false),
});
export const renameSchema = z.strictObject({
  ...fileFields,
  /** Replace a file, or an empty directory, that is there. Default false. */
  overwrite: z.boolean().default(false),
  /** Make missing directories above the new name. Default true. */
  parents: z.boolean().default(true),
});
const treeLimits = {
  /** Default 1 GiB. */
  maxBytes: sizeSchema.default(1024 ** 3),
  /** Default 100,000. */
  maxEntries: z.number().int().min(1).default(100_000),
};
export const uploadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  /** Patterns in .gitignore syntax of what to leave out. */
  ignore: z.array(z.string()).default([]),
  /** Honour .gitignore files in the tree. Default false. */
  gitignore: z.boolean().default(false),
});
export const downloadSchema = z.strictObject({
  ...fileFields,
  ...treeLimits,
  /** What the target may not take (links that lead out, devices, name collisions): left out and listed, or an error. */
  onRefused: z.enum(['report', 'throw']).default('report'),
});
export const archiveSchema = z.strictObject({ ...fileFields, ...treeLimits });
export const writeArchiveSchema = archiveSchema.extend({
  /** Keep links that lead out of the directory as text. Default false: such a link ends the call with `outside-workspace`. */
  keepLinks: z.boolean().default(false),
});
export const diffSchema = archiveSchema.extend({
  /** Leave out new caches, dependency trees and files of the system: `DEFAULT_IGNORES`. Default true. */
  defaultIgnores: z.boolean().default(true),
});

/** `sandbox.ports.connect()` */
export const portSchema = z.strictObject({ port, signal: signalSchema.optional() });
/** `sandbox.ports.waitFor()` */
export const waitForPortSchema = portSchema.extend({
  /** Default 30 s. */
  timeoutMs: milliseconds.default(30_000),
});
/** `sandbox.ports.forward()` */
export const forwardSchema = portSchema.extend({
  /** The address of this machine to listen on. Default `127.0.0.1`: whoever reaches it reaches the sandbox. */
  host: text.min(1).default('127.0.0.1'),
  /** Default: any that is free. */
  localPort: z.number().int().min(0).max(65_535).default(0),
  /** Further connections are refused. Each takes two of the sandbox's processes. Default 64. */
  maxConnections: z.number().int().min(1).max(10_000).default(64),
});

const engineObject = z.strictObject({
  socketPath: z.string().optional(),
  /** A docker context by name. */
  context: z.string().optional(),
  host: z.string().optional(),
  port: z.union([z.number(), z.string()]).optional(),
  protocol: z.enum(['http', 'https', 'ssh']).optional(),
  username: z.string().optional(),
  ca: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  cert: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  key: z.union([z.string(), z.instanceof(Uint8Array)]).optional(),
  sshOptions: z.record(z.string(), z.unknown()).optional(),
});

/** `SandboxManager.open()` */
export const managerSchema = z.strictObject({
  /** The engine: a URL as in DOCKER_HOST, or dockerode's own options. Default: as the docker CLI finds it. */
  docker: z.union([z.string(), engineObject]).optional(),
  /** Defaults for `create()`, checked by its own schema. */
  defaults: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
  /** Where temp workspaces live. Default `$RIPCORD_STATE_DIR`, else `<tmp>/ripcord-<uid>`. */
  stateDir: text.min(1).optional(),
  logger: z
    .custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function', { error: 'expected a logger' })
    .optional(),
  /** Aborting it closes the manager. */
  signal: signalSchema.optional(),
  /** Clean up on SIGINT, SIGTERM, SIGHUP, beforeExit and uncaught exceptions. Default true. */
  handleSignals: z.boolean().default(true),
  /**
   * The uids that sandboxes take theirs from, two for each; `false`: none has its own. Default: 1024 from 40,000, which Ripcord's
   * images give the name `sandbox`.
   */
  uidRange: z
    .union([
      z.literal(false),
      z.strictObject({
        first: z
          .number()
          .int()
          .min(1000)
          .max(2 ** 31 - 1),
        count: z
          .number()
          .int()
          .min(2)
          .max(2 ** 24),
      }),
    ])
    .default({ first: 40_000, count: 1024 }),
  /** Remove what dead owners left, in the background. Default true. */
  sweep: z.boolean().default(true),
  /** Sandboxes made in advance: a list of what to keep ready, or an object with `keep`, `learn` … docs/pool.md */
  pool: z.unknown().optional(),
});

/** `SandboxManager.sweep()` */
export const sweepSchema = managerSchema.pick({ docker: true, stateDir: true, logger: true, signal: true });

export type CreateOptions = z.input<typeof createSchema>;
export type ResolvedCreateOptions = z.output<typeof createSchema>;
export type NetworkOptions = z.input<typeof networkSchema>;
export type ResolvedNetwork = z.output<typeof networkSchema>;
export type Limits = z.input<typeof limitsSchema>;
export type ExecOptions<Chunk = string> = Omit<z.input<typeof execSchema>, 'onStdout' | 'onStderr' | 'encoding'> & {
  onStdout?: ((chunk: Chunk) => unknown) | undefined;
  onStderr?: ((chunk: Chunk) => unknown) | undefined;
  encoding?: (Chunk extends string ? 'utf8' : 'buffer') | undefined;
};
export type SpawnOptions = z.input<typeof spawnSchema>;
/** Those with which the command has a `stdin` to write to. */
export type PipedSpawnOptions = SpawnOptions & { stdin?: 'pipe' | undefined };
export type { Language, LanguageName };
export type RunCodeOptions<Chunk = string> = ExecOptions<Chunk> & {
  language?: LanguageName | undefined;
  args?: string[] | undefined;
  warm?: boolean | undefined;
};
export type ReadOptions = z.input<typeof readSchema>;
export type ReadStreamOptions = z.input<typeof readStreamSchema>;
export type WriteOptions = z.input<typeof writeSchema>;
export type ListOptions = z.input<typeof listSchema>;
export type StatOptions = z.input<typeof statSchema>;
export type MakeDirOptions = z.input<typeof makeDirSchema>;
export type RemoveOptions = z.input<typeof removeSchema>;
export type RenameOptions = z.input<typeof renameSchema>;
export type UploadOptions = z.input<typeof uploadSchema>;
export type DownloadOptions = z.input<typeof downloadSchema>;
export type DiffOptions = z.input<typeof diffSchema>;
export type ArchiveOptions = z.input<typeof archiveSchema>;
export type WriteArchiveOptions = z.input<typeof writeArchiveSchema>;
export type PortOptions = Omit<z.input<typeof portSchema>, 'port'>;
export type WaitForPortOptions = Omit<z.input<typeof waitForPortSchema>, 'port'>;
export type ForwardOptions = Omit<z.input<typeof forwardSchema>, 'port'>;
export type DockerOption = z.input<typeof managerSchema>['docker'];
export type ManagerOptions = Omit<z.input<typeof managerSchema>, 'defaults' | 'pool'> & {
  defaults?: Omit<CreateOptions, 'signal'> | undefined;
  pool?: PoolOptions | undefined;
};
export type SweepOptions = z.input<typeof sweepSchema>;

/**
 * Checks `input` against `schema`.
 * @throws InvalidOptionsError naming every option that is unknown or wrong, what was expected and what came.
 */
export function parseOptions<S extends z.ZodType>(schema: S, input: unknown, what: string): z.output<S> {
  const own = ownOptions(schema, input ?? {}, what);
  const result = schema.safeParse(own);
  if (result.success) return result.data;
  const problems = result.error.issues.flatMap((issue) => describeIssue(issue, schema, own));
  throw new InvalidOptionsError(`${what}: ${problems.join('; ')}`, { details: { problems } });
}
