/**
 * A tool-calling loop by hand, in the shape of the OpenAI chat API, which most servers of models speak.
 *
 *   node examples/tool-calling/loop.mjs                               # scripted, without a model
 *   OPENAI_BASE_URL=… OPENAI_MODEL=… OPENAI_API_KEY=… node examples/tool-calling/loop.mjs   # a real one
 *
 * Ctrl+C aborts: what a tool had started is killed, the sandbox removed.
 */
import { SandboxManager } from 'ripcord-sandbox';
import { answerOpenAi, createToolbox, openAiTools } from 'ripcord-sandbox/tools';
import { chat } from './model.mjs';

const MAX_TURNS = 20;
const abort = new AbortController();
process.once('SIGINT', () => abort.abort());
const { signal } = abort;

const manager = await SandboxManager.open({ handleSignals: false });
const toolbox = createToolbox({ manager });
try {
  const messages = [
    { role: 'user', content: 'How many primes are there below 10,000? Check it by running a program.' },
  ];
  console.log(`user: ${messages[0].content}`);
  for (let turn = 0; turn < MAX_TURNS; turn++) {
    const message = await chat(messages, openAiTools(toolbox), signal);
    messages.push(message);
    if (message.content) console.log(`model: ${message.content}`);
    if (!message.tool_calls?.length) break;
    for (const { function: asked } of message.tool_calls) console.log(`model calls ${asked.name} ${asked.arguments}`);
    const answers = await answerOpenAi(toolbox, message.tool_calls, { signal });
    for (const { content } of answers) console.log(`tool: ${content.trimEnd().replaceAll('\n', '\n      ')}`);
    messages.push(...answers);
  }
} finally {
  await toolbox.close();
  const { left } = await manager.close();
  console.log('left behind:', left);
}
