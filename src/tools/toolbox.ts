/** Tools of one conversation with a model, independent of the model's API. */
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

/** A tool as a model sees it. */
export interface ToolOffer {
  name: ToolName;
  title: string;
  description: string;
  /** Schema of the input (zod). */
  input: z.ZodObject;
  /** Schema of the input (JSON schema, draft 7). */
  inputSchema: JsonSchema;
  /** Schema of {@link ToolResult.value} (zod). */
  output: z.ZodObject;
  /** Schema of {@link ToolResult.value} (JSON schema, draft 7). */
  outputSchema: JsonSchema;
  readOnly: boolean;
  destructive: boolean;
}

export type JsonSchema = { type: 'object'; properties?: Record<string, object>; required?: string[] } & Record<
  string,
  unknown
>;

export interface ToolResult {
  /** True if the call itself failed: wrong input, no such file, a sandbox that is gone. A failed program is not an error. */
  isError: boolean;
  /** Result as text for a model. */
  text: string;
  /** Result for a program, as in the tool's output schema. `undefined` on an error. */
  value: Record<string, unknown> | undefined;
  pictures: readonly Picture[];
}

export interface ToolCallOptions {
  /** Signal whose abort kills the command that the call started, with its whole process tree. */
  signal?: AbortSignal | undefined;
  /** Called with the progress of a long command, at most four times a second. */
  onProgress?: ((progress: ToolProgress) => void) | undefined;
}

/** Tools of one conversation with a model. `createToolbox()` makes one. */
export class Toolbox implements AsyncDisposable {
  /** Tools that a model may choose from. */
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
   * Calls a tool by name with the input that the model gave. Wrong input is reported to the model in the result.
   * @throws TaskAbortedError if `options.signal` was aborted; the command and all its processes are dead by then.
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

  /** Ends the session: closes the sandboxes it made. Idempotent. Does not close the manager or the sandbox it was given. */
  close(): Promise<void> {
    return this.session.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * Creates tools for a model: run code and commands, read and write files, and reach ports in sandboxes. One toolbox is one
 * conversation: a default sandbox is made on first use and kept until the toolbox is closed.
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

/** Removes advice to use `spawn`: a model would call the missing tool in vain. */
function withoutSpawn(tool: ToolDefinition<ToolName>): ToolDefinition<ToolName> {
  const sentences = tool.description.split(/(?<=[.:]) /);
  return { ...tool, description: sentences.filter((sentence) => !/\buse spawn\b/.test(sentence)).join(' ') };
}

/** Restricts the input to the allowed images, which the model sees. */
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
  // The APIs of models and MCP clients read draft 7 by default, so `$schema` is left out.
  const { $schema, ...rest } = z.toJSONSchema(schema, { target: 'draft-7', io });
  return rest as JsonSchema;
}

function describeError(error: unknown): string {
  const hint = error instanceof RipcordError && error.hint ? `\n${error.hint}` : '';
  return messageOf(error) + hint;
}
