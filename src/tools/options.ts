/** The options of `createToolbox()`. What a model may do stands here, and nothing it says widens it. */
import { z } from 'zod';
import type { Logger } from '../base/logger.js';
import { milliseconds, sizeSchema } from '../base/option-fields.js';
import { type CreateOptions, createSchema } from '../launch/options.js';
import { Sandbox } from '../sandbox/sandbox.js';
import { SandboxManager } from '../sandbox/sandbox-manager.js';

export const toolboxSchema = z
  .strictObject({
    /** Makes the sandboxes: a default one on first use, others when the model asks. The caller closes it. */
    manager: z
      .custom<SandboxManager>((value) => value instanceof SandboxManager, { error: 'expected a SandboxManager' })
      .optional(),
    /** One sandbox of the caller's for all calls, instead of a manager. The caller closes it. */
    sandbox: z.custom<Sandbox>((value) => value instanceof Sandbox, { error: 'expected a Sandbox' }).optional(),
    /** What every sandbox is made with: limits, network, seed … Default: what the manager's own defaults say. */
    create: z
      .custom<CreateOptions>((value) => typeof value === 'object' && value !== null, {
        error: 'expected options of create(), without image and signal',
      })
      .optional(),
    /** The images a model may choose from; the first is the default. Default `['python']`. */
    images: z.array(createSchema.shape.image.unwrap()).min(1).default(['python']),
    /** Sandboxes at a time. Default 4. */
    maxSandboxes: z.number().int().min(1).default(4),
    /** Commands in the background at a time. Default 16. */
    maxCommands: z.number().int().min(1).default(16),
    /** A sandbox without a call or a running command for that long is closed. Default 30 min. */
    idleMs: milliseconds.default(30 * 60_000),
    /**
     * Time limit of `run_code` and `exec` if the model names none. Default 45 s: MCP clients give up on a call
     * after 60 s.
     */
    timeoutMs: milliseconds.default(45_000),
    /** Longest time limit that the model may ask for. Default 10 min. */
    maxTimeoutMs: milliseconds.default(10 * 60_000),
    /** Text of one output in an answer, at most 512 KiB; the rest can be read with `read_output`. Default 16 KiB. */
    maxAnswerBytes: sizeSchema
      .refine((bytes) => bytes >= 256 && bytes <= 512 * 1024, { error: 'must be between 256 and 512k' })
      .default(16 * 1024),
    /** Size of one output that is kept for `read_output`, head and tail. Default 1 MiB. */
    maxKeptBytes: sizeSchema
      .refine((bytes) => bytes >= 1024 && bytes <= 16 * 1024 ** 2, { error: 'must be between 1k and 16m' })
      .default(1024 ** 2),
    /** A directory of the host `download` copies files to. Without it there is no such tool. */
    downloads: z.string().min(1).optional(),
    /** Only these tools, by name. Default: all. */
    tools: z.array(z.string()).optional(),
    logger: z.custom<Logger>((value) => typeof (value as Logger | null)?.warn === 'function').optional(),
  })
  .refine(({ manager, sandbox }) => (manager === undefined) !== (sandbox === undefined), {
    error: "expected either 'manager' or 'sandbox'",
  });

/** `create` of the options, which goes on to the manager as it is. */
export const toolboxCreateSchema = createSchema.omit({ signal: true, image: true });

export type ToolboxOptions = z.input<typeof toolboxSchema>;
export type ResolvedToolboxOptions = z.output<typeof toolboxSchema>;
