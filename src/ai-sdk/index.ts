/// <reference types="node" preserve="true" />
/** `ripcord-sandbox/ai-sdk`: sandboxes as tools for the Vercel AI SDK (`ai`, version 7). */
import type { ToolSet } from 'ai';
import { tool } from 'ai';
import type { ToolName } from '../tools/catalog.js';
import type { Toolbox, ToolOffer, ToolResult } from '../tools/toolbox.js';

export { createToolbox, type Toolbox, type ToolboxOptions } from '../tools/index.js';

/** The output of a tool for programs that inspect the steps. The model receives text and pictures. */
export interface SandboxToolOutput {
  isError: boolean;
  text: string;
  /** Value that matches the tool's output schema; `undefined` on an error. */
  value: Record<string, unknown> | undefined;
  /** Pictures in Base64, so that messages can be stored as JSON. */
  pictures: { path: string; mediaType: string; data: string }[];
}

/**
 * Converts the tools of a toolbox into tools of the AI SDK. An abort of `generateText` or `streamText` kills the whole
 * process tree that a tool started. Close the toolbox at the end of the conversation.
 *
 * @example
 * await using manager = await SandboxManager.open()
 * await using toolbox = createToolbox({ manager })
 * const { text } = await generateText({ model, prompt, tools: sandboxTools(toolbox), stopWhen: isStepCount(20) })
 */
export function sandboxTools(toolbox: Toolbox): { [Name in ToolName]?: ToolSet[string] } {
  return Object.fromEntries(toolbox.tools.map((offer) => [offer.name, toTool(toolbox, offer)]));
}

function toTool(toolbox: Toolbox, { name, title, description, input }: ToolOffer): ToolSet[string] {
  return tool({
    title,
    description,
    inputSchema: input,
    execute: async (given, { abortSignal }): Promise<SandboxToolOutput> =>
      toOutput(await toolbox.call(name, given, { signal: abortSignal })),
    toModelOutput: ({ output }) => ({
      type: 'content',
      value: [
        { type: 'text', text: output.text },
        ...output.pictures.map(({ mediaType, data }) => ({
          type: 'file' as const,
          mediaType,
          data: { type: 'data' as const, data },
        })),
      ],
    }),
  });
}

const toOutput = ({ isError, text, value, pictures }: ToolResult): SandboxToolOutput => ({
  isError,
  text,
  value,
  pictures: pictures.map(({ path, mimeType, bytes }) => ({
    path,
    mediaType: mimeType,
    data: bytes.toString('base64'),
  })),
});
