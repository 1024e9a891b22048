/** The tools of one conversation, to be offered to a model by whatever means. */
import { z } from 'zod';
import { throwIfAborted } from '../base/abort.js';
import { InvalidOptionsError, messageOf, RipcordError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { isCatalogName } from '../images/catalog.js';
import { TOOLS, type ToolName } from './catalog.js';
import type { ToolDefinition, ToolProgress } from './define.js';
import { type ResolvedToolboxOptions, type ToolboxOptions, toolboxCreateSchema, toolboxSchema } from './options.js';
import type { Picture } from './pictures.js';
import { ToolSession } from './session.js';

/** A tool as it is offered. */
export interface ToolOffer {
  name: ToolName;
  title: string;
  description: string;
  /** What it takes: zod, and the same as JSON schema (draft 7). */
  input: z.ZodObject;
  inputSchema: JsonSchema;
  /** What {@link ToolResult.value} is. */
  output: z.ZodObject;
  outputSchema: JsonSchema;
  readOnly: boolean;
  destructive: boolean;
}

export type JsonSchema = { type: 'object'; properties?: Record<string, object>; required?: string[] } & Record<
  string,
  unknown
>;

export interface ToolResult {
  /** The call itself failed: wrong input, no such file, a sandbox that is gone. A program that failed is no error. */
  isError: boolean;
  /** For a model. */
  text: string;
  /** For a program, as the tool's output schema says. `undefined` on an error. */
  value: Record<string, unknown> | undefined;
  pictures: readonly Picture[];
}

export interface ToolCallOptions {
  /** Aborting it kills what the call started, the whole process tree. */
  signal?: AbortSignal | undefined;
  /** Told how a long command is getting on, at most four times a second. */
  onProgress?: ((progress: ToolProgress) => void) | undefined;
}

/** Tools of one conversation with a model. `createToolbox()` makes one. */
export class Toolbox implements AsyncDisposable {
  /** What there is for a model to choose from. */
  readonly tools: readonly ToolOffer[];
  /** @internal */
  readonly session: ToolSession;
  readonly #definitions: ReadonlyMap<string, ToolDefinition>;
  readonly #options: ResolvedToolboxOptions;

  /** @internal Made by {@link createToolbox}. */
  constructor(options: ResolvedToolboxOptions) {
    this.#options = options;
    const offered = offeredTools(options);
    this.#definitions = new Map(offered.map((tool) => [tool.name, tool]));
    this.tools = offered.map(toOffer);
    this.session = new ToolSession(options);
  }

  /**
   * Calls a tool by name with what the model gave for it. Whatever is wrong with that is an answer to the model.
   * @throws TaskAbortedError when `options.signal` fired; the command and all it started are dead by then.
   */
  async call(name: string, input: unknown, { signal, onProgress }: ToolCallOptions = {}): Promise<ToolResult> {
    throwIfAborted(signal, `calling ${name}`);
    try {
      const tool = this.#definitions.get(name);
      if (!tool) {
        const known = [...this.#definitions.keys()].join(', ');
        throw new InvalidOptionsError(`There is no tool '${name}'`, { hint: `There are: ${known}.` });
      }
      const checked = parseOptions(tool.input, input, name);
      const answer = await tool.run(checked, { session: this.session, signal, onProgress });
      return { isError: false, text: answer.text, value: answer.value, pictures: answer.pictures ?? [] };
    } catch (error) {
      if (signal?.aborted) throw error;
      if (!(error instanceof RipcordError)) {
        this.#options.logger?.error({ tool: name, error: messageOf(error) }, 'a tool failed for an unforeseen reason');
      }
      return { isError: true, text: describeError(error), value: undefined, pictures: [] };
    }
  }

  /** Ends the session: its sandboxes, and all that runs in them. Idempotent. Leaves the manager or sandbox it was given. */
  close(): Promise<void> {
    return this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Tools for a model to work in sandboxes with: run code and commands, read and write files, reach ports. One toolbox is
 * one conversation: a default sandbox is made on first use and kept until the toolbox is closed.
 *
 * @throws InvalidOptionsError
 * @example
 * await using manager = await SandboxManager.open()
 * await using toolbox = createToolbox({ manager })
 * const { text } = await toolbox.call('run_code', { code: 'print(6 * 7)' })
 */
export function createToolbox(options: ToolboxOptions): Toolbox {
  const parsed = parseOptions(toolboxSchema, options, 'createToolbox');
  parseOptions(toolboxCreateSchema, parsed.create, 'createToolbox: create');
  const known = TOOLS.map(({ name }): string => name);
  for (const name of parsed.tools ?? []) {
    if (!known.includes(name)) {
      throw new InvalidOptionsError(`createToolbox: there is no tool '${name}'`, {
        hint: `There are: ${known.join(', ')}.`,
      });
    }
  }
  return new Toolbox(parsed);
}

function offeredTools(options: ResolvedToolboxOptions): ToolDefinition<ToolName>[] {
  const there = {
    'many-sandboxes': options.manager !== undefined,
    'download-directory': options.downloads !== undefined,
  };
  return (TOOLS as readonly ToolDefinition<ToolName>[])
    .filter(({ name, needs }) => (options.tools?.includes(name) ?? true) && (needs === undefined || there[needs]))
    .map((tool) => (tool.name === 'start_sandbox' ? withImages(tool, options.images) : tool))
    .map((tool) => (options.tools?.includes('spawn') === false ? withoutSpawn(tool) : tool));
}

/** Advice to use a tool that is not offered only makes a model call it in vain. */
function withoutSpawn(tool: ToolDefinition<ToolName>): ToolDefinition<ToolName> {
  const sentences = tool.description.split(/(?<=[.:]) /);
  return { ...tool, description: sentences.filter((sentence) => !/\buse spawn\b/.test(sentence)).join(' ') };
}

/** The model sees which images it may choose from, and no other is taken. */
function withImages(tool: ToolDefinition<ToolName>, images: readonly string[]): ToolDefinition<ToolName> {
  const image = z.enum(images as [string, ...string[]]).optional();
  const about = images.map((name) => (isCatalogName(name) ? name : `'${name}'`)).join(', ');
  return { ...tool, input: tool.input.extend({ image: image.describe(`One of ${about}. Default: ${images[0]}.`) }) };
}

/** @internal */
export const toOffer = ({
  name,
  title,
  description,
  input,
  output,
  readOnly,
  destructive,
}: ToolDefinition<ToolName>): ToolOffer => ({
  name,
  title,
  description,
  input,
  inputSchema: jsonSchemaOf(input, 'input'),
  output,
  outputSchema: jsonSchemaOf(output, 'output'),
  readOnly,
  destructive,
});

function jsonSchemaOf(schema: z.ZodObject, io: 'input' | 'output'): JsonSchema {
  // Draft 7 is what models' APIs and MCP clients read without being told; they name no dialect themselves.
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io });
  return rest as JsonSchema;
}

function describeError(error: unknown): string {
  const hint = error instanceof RipcordError && error.hint ? `\n${error.hint}` : '';
  return messageOf(error) + hint;
}
