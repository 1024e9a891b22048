/** The shapes of Anthropic's Messages API. */
import type { JsonSchema, Toolbox, ToolCallOptions } from '../toolbox.js';

export interface AnthropicTool {
  name: string;
  description: string;
  input_schema: JsonSchema;
}

/** A block of a message's `content`; those that are no `tool_use` are passed over. */
export interface AnthropicContentBlock {
  type: string;
  id?: string;
  name?: string;
  input?: unknown;
}

type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';

/** The answer, to be sent in the `content` of a message of the user's. */
export interface AnthropicToolResult {
  type: 'tool_result';
  tool_use_id: string;
  is_error: boolean;
  content: (
    | { type: 'text'; text: string }
    | { type: 'image'; source: { type: 'base64'; media_type: PictureType; data: string } }
  )[];
}

/** `tools` for `messages.create()`. */
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
          // An empty text block is refused by the API.
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
