/**
 * An agent with the Vercel AI SDK whose tools work in a sandbox.
 *
 *   npm install ai
 *   node examples/ai-sdk/agent.mjs        # scripted, without a model; README.md says how to put in a real one
 */
import { generateText, isStepCount } from 'ai';
import { SandboxManager } from 'ripcord-sandbox';
import { createToolbox, sandboxTools } from 'ripcord-sandbox/ai-sdk';
import { model } from './model.mjs';

const abort = new AbortController();
process.once('SIGINT', () => abort.abort());

const manager = await SandboxManager.open({ handleSignals: false });
const toolbox = createToolbox({ manager });
try {
  const { text, steps } = await generateText({
    model,
    prompt: 'Write fizzbuzz.py, run it for 1 to 15, and tell me the last line.',
    tools: sandboxTools(toolbox),
    stopWhen: isStepCount(20),
    abortSignal: abort.signal,
    onStepFinish: ({ toolCalls, toolResults }) => {
      for (const { toolName } of toolCalls) console.log(`model calls ${toolName}`);
      for (const { output } of toolResults) console.log(`tool: ${output.text.trimEnd().replaceAll('\n', '\n      ')}`);
    },
  });
  console.log(`model: ${text} (${steps.length} steps)`);
} finally {
  await toolbox.close();
  const { left } = await manager.close();
  console.log('left behind:', left);
}
