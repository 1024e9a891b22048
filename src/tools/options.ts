/** Options of `createToolbox()`. They alone decide about a model's permissions: no text of the model extends them. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { milliseconds, sizeSchema } from '../base/option-fields.js';
import { type CreateOptions, createSchema } from '../launch/options.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { SandboxManager } from '../sandbox/sandbox-manager.js';

/** Options of `createToolbox()`: either `manager` or `sandbox`, and limits. */
export interface ToolboxOptions {
  /** Manager that makes the sandboxes: a default one on first use, others when the model asks. The caller closes the manager. */
  manager?: SandboxManager | undefined;
  /** Sandbox of the caller for all calls, instead of a manager. The caller closes it. */
  sandbox?: Sandbox | undefined;
  /** Options of `create()` for every sandbox (limits, network, seed …), without `image` and `signal`. If unset, the manager's defaults. */
  create?: CreateOptions | undefined;
  /**
   * Images that a model may choose from; the first is the default.
   * @default ['python']
   */
  images?: string[] | undefined;
  /**
   * Maximum number of sandboxes at once.
   * @default 4
   */
  maxSandboxes?: number | undefined;
  /**
   * Maximum number of commands in the background at once.
   * @default 16
   */
  maxCommands?: number | undefined;
  /**
   * Time in milliseconds after which a sandbox without a call or a running command is closed.
   * @default 1_800_000 (30 min)
   */
  idleMs?: number | undefined;
  /**
   * Time limit in milliseconds of `run_code` and `exec` if the model names none. MCP clients give up on a call after 60 s.
   * @default 45_000 (45 s)
   */
  timeoutMs?: number | undefined;
  /**
   * Maximum time limit in milliseconds that the model may ask for.
   * @default 600_000 (10 min)
   */
  maxTimeoutMs?: number | undefined;
  /**
   * Maximum size of one output in an answer, 256 bytes to 512 KiB. The model can read the rest with `read_output`.
   * @default '16k'
   */
  maxAnswerBytes?: string | number | undefined;
  /**
   * Maximum size of one output that is kept for `read_output`, head and tail; 1 KiB to 16 MiB.
   * @default '1m'
   */
  maxKeptBytes?: string | number | undefined;
  /** Path of the host directory that the tool `download` copies files to. If unset, that tool is not offered. */
  downloads?: string | undefined;
  /** Names of the tools to offer. If unset, all. */
  tools?: string[] | undefined;
  /** Logger for errors of the tools; pino fits. If unset, nothing is logged. */
  logger?: Logger | undefined;
}

export const toolboxSchema = z
  .strictObject({
    manager: z
      .custom<SandboxManager>((value) => value instanceof SandboxManager, { error: 'expected a SandboxManager' })
      .optional(),
    sandbox: z.custom<Sandbox>((value) => value instanceof Sandbox, { error: 'expected a Sandbox' }).optional(),
    create: z
      .custom<CreateOptions>((value) => typeof value === 'object' && value !== null, {
        error: 'expected options of create(), without image and signal',
      })
      .optional(),
    images: z.array(createSchema.shape.image.unwrap()).min(1).default(['python']),
    maxSandboxes: z.number().int().min(1).default(4),
    maxCommands: z.number().int().min(1).default(16),
    idleMs: milliseconds.default(30 * 60_000),
    timeoutMs: milliseconds.default(45_000),
    maxTimeoutMs: milliseconds.default(10 * 60_000),
    maxAnswerBytes: sizeSchema
      .refine((bytes) => bytes >= 256 && bytes <= 512 * 1024, { error: 'must be between 256 and 512k' })
      .default(16 * 1024),
    maxKeptBytes: sizeSchema
      .refine((bytes) => bytes >= 1024 && bytes <= 16 * 1024 ** 2, { error: 'must be between 1k and 16m' })
      .default(1024 ** 2),
    downloads: z.string().min(1).optional(),
    tools: z.array(z.string()).optional(),
    logger: z.custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function').optional(),
  })
  .refine(({ manager, sandbox }) => (manager === undefined) !== (sandbox === undefined), {
    error: "expected either 'manager' or 'sandbox'",
  });

/** `create` of the options, which goes on to the manager as it is. */
export const toolboxCreateSchema = createSchema.omit({ signal: true, image: true });

export type ResolvedToolboxOptions = z.output<typeof toolboxSchema>;
