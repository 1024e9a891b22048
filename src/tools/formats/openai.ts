/** The shapes of OpenAI's two APIs, which most other servers of models speak too. */
import type { JsonSchema, Toolbox, ToolCallOptions, ToolResult } from '../toolbox.js';

/** A tool for `chat.completions`. */
export interface OpenAiTool {
  type: 'function';
  function: { name: string; description: string; parameters: JsonSchema };
}

/** What a model asks for in `choices[0].message.tool_calls`. */
export interface OpenAiToolCall {
  id: string;
  type?: string;
  function?: { name: string; arguments: string };
}

/** The answer, to be added to `messages`. */
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

/** An item of a response's `output`; those that are no `function_call` are passed over. */
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

/** `tools` for `chat.completions.create()`. */
export const openAiTools = (toolbox: Toolbox): OpenAiTool[] =>
  toolbox.tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    function: { name, description, parameters: inputSchema },
  }));

/**
 * Runs the calls of one message side by side and returns their answers in order. A tool message is text alone: pictures
 * are named in it.
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

/** `tools` for `responses.create()`. */
export const openAiResponsesTools = (toolbox: Toolbox): OpenAiResponsesTool[] =>
  toolbox.tools.map(({ name, description, inputSchema }) => ({
    type: 'function',
    name,
    description,
    parameters: inputSchema,
    // Strict mode knows no optional parameters.
    strict: false,
  }));

/** The same as {@link answerOpenAi} for the `output` of a response, pictures included. */
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

/** Models write the arguments as JSON text, and sometimes get it wrong: that is for them to hear. */
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
