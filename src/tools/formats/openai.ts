/** Tools and answers in the formats of OpenAI's two APIs, which most other model servers offer, too. */
import type { JsonSchema, Toolbox, ToolCallOptions, ToolResult } from '../toolbox.js';

/** A tool for `chat.completions`. */
export interface OpenAiTool {
  type: 'function';
  function: { name: string; description: string; parameters: JsonSchema };
}

/** A call that a model requests in `choices[0].message.tool_calls`. */
export interface OpenAiToolCall {
  id: string;
  type?: string;
  function?: { name: string; arguments: string };
}

/** Answer to a call, for `messages`. */
export interface OpenAiToolMessage {
  role: 'tool';
  tool_call_id: string;
  content: string;
}

/** A tool for `responses`. */
export interface OpenAiResponsesTool {
  type: 'function';
  name: string;
  description: string;
  parameters: JsonSchema;
  strict: false;
}

/** An item of a response's `output`. Items other than `function_call` are ignored. */
export interface OpenAiOutputItem {
  type: string;
  call_id?: string;
  name?: string;
  arguments?: string;
}

export interface OpenAiFunctionOutput {
  type: 'function_call_output';
  call_id: string;
  output: ({ type: 'input_text'; text: string } | { type: 'input_image'; image_url: string; detail: 'auto' })[];
}

/** Returns `tools` for `chat.completions.create()`. */
export const openAiTools = (toolbox: Toolbox): OpenAiTool[] =>
  toolbox.tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema },
  }));

/**
 * Runs the calls of one message side by side and returns their answers in order. A tool message is text alone and only
 * names pictures.
 * @throws TaskAbortedError
 */
export function answerOpenAi(
  toolbox: Toolbox,
  calls: readonly OpenAiToolCall[],
  options?: ToolCallOptions,
): Promise<OpenAiToolMessage[]> {
  const asked = calls.filter((call) => call.function !== undefined);
  return Promise.all(
    asked.map(async ({ id, function: { name, arguments: json } = { name: '', arguments: '' } }) => ({
      role: 'tool' as const,
      tool_call_id: id,
      content: (await callWithJson(toolbox, name, json, options)).text,
    })),
  );
}

/** Returns `tools` for `responses.create()`. */
export const openAiResponsesTools = (toolbox: Toolbox): OpenAiResponsesTool[] =>
  toolbox.tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    name,
    description,
    parameters: inputSchema,
    // Strict mode does not support optional parameters.
    strict: false,
  }));

/** Runs the calls in the `output` of a response side by side and returns their answers in order, pictures included. */
export function answerOpenAiResponses(
  toolbox: Toolbox,
  output: readonly OpenAiOutputItem[],
  options?: ToolCallOptions,
): Promise<OpenAiFunctionOutput[]> {
  const asked = output.filter(({ type }) => type === 'function_call');
  return Promise.all(
    asked.map(async ({ call_id = '', name = '', arguments: json = '' }) => {
      const { text, pictures } = await callWithJson(toolbox, name, json, options);
      return {
        type: 'function_call_output' as const,
        call_id,
        output: [
          { type: 'input_text' as const, text },
          ...pictures.map(({ mimeType, bytes }) => ({
            type: 'input_image' as const,
            image_url: `data:${mimeType};base64,${bytes.toString('base64')}`,
            detail: 'auto' as const,
          })),
        ],
      };
    }),
  );
}

/** Calls a tool with arguments in JSON. Models sometimes write invalid JSON: the result reports the error to them. */
async function callWithJson(
  toolbox: Toolbox,
  name: string,
  json: string,
  options: ToolCallOptions | undefined,
): Promise<ToolResult> {
  let input: unknown;
  try {
    input = json.trim() === '' ? {} : JSON.parse(json);
  } catch (error) {
    const text = `The arguments are not JSON: ${(error as Error).message}`;
    return { isError: true, text, value: undefined, pictures: [] };
  }
  return toolbox.call(name, input, options);
}
