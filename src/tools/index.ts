/// <reference types="node" preserve="true" />
/** `ripcord-sandbox/tools`: sandboxes as tools for any model that can call functions. */

export type { ToolName } from './catalog.js';
export type { ToolProgress } from './define.js';
export {
  type AnthropicContentBlock,
  type AnthropicTool,
  type AnthropicToolResult,
  answerAnthropic,
  anthropicTools,
} from './formats/anthropic.js';
export {
  answerOpenAi,
  answerOpenAiResponses,
  type OpenAiFunctionOutput,
  type OpenAiOutputItem,
  type OpenAiResponsesTool,
  type OpenAiTool,
  type OpenAiToolCall,
  type OpenAiToolMessage,
  openAiResponsesTools,
  openAiTools,
} from './formats/openai.js';
export type { ToolboxOptions } from './options.js';
export type { Picture } from './pictures.js';
export {
  createToolbox,
  type JsonSchema,
  Toolbox,
  type ToolCallOptions,
  type ToolOffer,
  type ToolResult,
} from './toolbox.js';
