/** Tools and answers in the format of Anthropic's Messages API. */
import type { JsonSchema, Toolbox, ToolCallOptions } from '../toolbox.js';

export interface AnthropicTool {
  name: string;
  description: string;
  input_schema: JsonSchema;
}

/** A block of a message's `content`. Blocks other than `tool_use` are ignored. */
export interface AnthropicContentBlock {
  type: string;
  id?: string;
  name?: string;
  input?: unknown;
}

type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';

/** Answer to a `tool_use` block, for the `content` of the next user message. */
export interface AnthropicToolResult {
  type: 'tool_result';
  tool_use_id: string;
  is_error: boolean;
  content: (
    | { type: 'text'; text: string }
    | { type: 'image'; source: { type: 'base64'; media_type: PictureType; data: string } }
  )[];
}

/** Returns `tools` for `messages.create()`. */
export const anthropicTools = (toolbox: Toolbox): AnthropicTool[] =>
  toolbox.tools.map(({ name, description, inputSchema }) => ({ name, description, input_schema: inputSchema }));

/**
 * Runs the `tool_use` blocks of one message side by side and returns their answers in order, pictures included.
 * @throws TaskAbortedError
 */
export function answerAnthropic(
  toolbox: Toolbox,
  content: readonly AnthropicContentBlock[],
  options?: ToolCallOptions,
): Promise<AnthropicToolResult[]> {
  const asked = content.filter(({ type }) => type === 'tool_use');
  return Promise.all(
    asked.map(async ({ id = '', name = '', input }) => {
      const { isError, text, pictures } = await toolbox.call(name, input, options);
      return {
        type: 'tool_result' as const,
        tool_use_id: id,
        is_error: isError,
        content: [
          // The API refuses an empty text block.
          { type: 'text' as const, text: text || '(nothing)' },
          ...pictures.map(({ mimeType, bytes }) => ({
            type: 'image' as const,
            source: {
              type: 'base64' as const,
              media_type: mimeType as PictureType,
              data: bytes.toString('base64'),
            },
          })),
        ],
      };
    }),
  );
}
