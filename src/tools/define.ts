/** What a tool is, whoever offers it to a model: the MCP server, the AI SDK, or a loop of one's own. */
import type { z } from 'zod';
import type { Picture } from './pictures.js';
import type { ToolSession } from './session.js';

/** How a long call is getting on. */
export interface ToolProgress {
  elapsedMs: number;
  /** The last line of output that is complete, without control sequences; empty before there is one. */
  line: string;
}

export interface ToolContext {
  readonly session: ToolSession;
  readonly signal: AbortSignal | undefined;
  /** Asked for by whoever shows it: following a command's output as it comes costs more than reading it at its end. */
  readonly onProgress: ((progress: ToolProgress) => void) | undefined;
}

/** What a tool did, for a program (`value`) and for a model (`text`, `pictures`). */
export interface ToolAnswer<Value = Record<string, unknown>> {
  value: Value;
  text: string;
  pictures?: readonly Picture[];
}

export interface ToolDefinition<Name extends string = string> {
  name: Name;
  title: string;
  /** Written for the model that is to choose and call it. */
  description: string;
  input: z.ZodObject;
  output: z.ZodObject;
  /** Changes nothing, neither in the sandbox nor elsewhere. */
  readOnly: boolean;
  /** May undo or overwrite what was there. */
  destructive: boolean;
  /** Offered only where there is something for it to work with. */
  needs?: 'many-sandboxes' | 'download-directory';
  run(input: unknown, context: ToolContext): Promise<ToolAnswer>;
}

/** Ties a tool's function to its schemas; whoever calls it has checked the input against `input`. */
export function defineTool<Name extends string, Input extends z.ZodObject, Output extends z.ZodObject>(
  tool: Omit<ToolDefinition<Name>, 'input' | 'output' | 'run'> & {
    input: Input;
    output: Output;
    run(input: z.output<Input>, context: ToolContext): Promise<ToolAnswer<z.input<Output>>>;
  },
): ToolDefinition<Name> {
  return tool as unknown as ToolDefinition<Name>;
}
