/** Definition of a tool, for all that offer it to a model: the MCP server, the AI SDK, or an agent loop. */
import type { z } from 'zod';
import type { Picture } from './pictures.js';
import type { ToolSession } from './session.js';

/** Progress of a long call. */
export interface ToolProgress {
  elapsedMs: number;
  /** Last complete line of output, without control sequences; empty before the first. */
  line: string;
}

export interface ToolContext {
  readonly session: ToolSession;
  readonly signal: AbortSignal | undefined;
  /** Called with the progress. Undefined if no progress is shown, because following the output costs more than reading it at the end. */
  readonly onProgress: ((progress: ToolProgress) => void) | undefined;
}

/** Result of a tool, for a program (`value`) and for a model (`text`, `pictures`). */
export interface ToolAnswer<Value = Record<string, unknown>> {
  value: Value;
  text: string;
  pictures?: readonly Picture[];
}

export interface ToolDefinition<Name extends string = string> {
  name: Name;
  title: string;
  /** Description for the model that chooses and calls the tool. */
  description: string;
  input: z.ZodObject;
  output: z.ZodObject;
  /** True if the tool changes nothing, neither in the sandbox nor elsewhere. */
  readOnly: boolean;
  /** True if the tool may delete or overwrite existing data. */
  destructive: boolean;
  /** Condition under which the tool is offered: a manager, or a download directory. */
  needs?: 'many-sandboxes' | 'download-directory';
  run(input: unknown, context: ToolContext): Promise<ToolAnswer>;
}

/** Ties a tool's function to its schemas. The caller of the function has checked the input against `input`. */
export function defineTool<Name extends string, Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Omit<ToolDefinition<Name>, 'input' | 'output' | 'run'> & {
    input: Input;
    output: Output;
    run(input: z.output<Input>, context: ToolContext): Promise<ToolAnswer<z.input<Output>>>;
  },
): ToolDefinition<Name> {
  return tool as unknown as ToolDefinition<Name>;
}
