import { generateText, isStepCount } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { createToolbox, sandboxTools } from 'ripcord-sandbox/ai-sdk';
import { describe, expect, it } from 'vitest';
import { countProcesses, rejection, untilProcesses, useManager } from '../helpers/sandbox.js';

const under = useManager();

const usage = {
  inputTokens: { total: 1, noCache: 1, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 1, text: 1, reasoning: 0 },
};

type Answer = Awaited<ReturnType<MockLanguageModelV4['doGenerate']>>;

/** A turn of the model that calls tools. */
const calls = (...asked: [name: string, input: object][]): Answer => ({
  content: asked.map(([toolName, input], at) => ({
    type: 'tool-call',
    toolCallId: `call-${toolName}-${at}`,
    toolName,
    input: JSON.stringify(input),
  })),
  finishReason: { unified: 'tool-calls', raw: undefined },
  usage,
  warnings: [],
});

const says = (text: string): Answer => ({
  content: [{ type: 'text', text }],
  finishReason: { unified: 'stop', raw: undefined },
  usage,
  warnings: [],
});

const scripted = (...turns: Answer[]) => new MockLanguageModelV4({ doGenerate: turns });

const DOT = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

describe('the AI SDK', () => {
  it('runs its loop over the tools: results, errors and pictures reach the model', async () => {
    await using toolbox = createToolbox({ manager: under.manager });
    const model = scripted(
      calls(['write_file', { path: 'dot.png', content: DOT, encoding: 'base64' }], ['run_code', { code: '1/0' }]),
      calls(['read_file', { path: 'dot.png' }], ['read_file', { path: 'nope' }]),
      says('done'),
    );
    const { text, steps } = await generateText({
      model,
      prompt: 'go',
      tools: sandboxTools(toolbox),
      stopWhen: isStepCount(5),
    });
    expect(text).toBe('done');
    const results = steps.flatMap(({ toolResults }) =>
      toolResults.map(({ toolName, output }) => ({ toolName, output })),
    );
    expect(results).toMatchObject([
      { toolName: 'write_file', output: { isError: false, value: { path: 'dot.png' } } },
      { toolName: 'run_code', output: { isError: false, value: { exit_code: 1 } } },
      { toolName: 'read_file', output: { pictures: [{ mediaType: 'image/png', data: DOT }] } },
      { toolName: 'read_file', output: { isError: true, text: expect.stringContaining('ENOENT') } },
    ]);
    // The prompt of the model's third turn.
    const messages = JSON.stringify(model.doGenerateCalls[2]!.prompt);
    expect(messages).toContain('ZeroDivisionError');
    expect(messages).toContain('image/png');
    expect(messages).toContain(DOT);
    const offered = model.doGenerateCalls[0]!.tools!.find(({ name }) => name === 'exec');
    expect(offered).toMatchObject({ type: 'function', inputSchema: { required: ['command'] } });
  });

  it('its abort kills what a tool had started', async () => {
    const sandbox = await under.manager.create();
    await using toolbox = createToolbox({ sandbox });
    const abort = new AbortController();
    const running = rejection(
      generateText({
        model: scripted(calls(['exec', { command: 'setsid sleep 141421 & sleep 141421' }]), says('never')),
        prompt: 'go',
        tools: sandboxTools(toolbox),
        stopWhen: isStepCount(5),
        abortSignal: abort.signal,
      }),
    );
    await untilProcesses(sandbox, '141421', 3);
    abort.abort();
    await running;
    await untilProcesses(sandbox, '141421', 0);
    expect(await countProcesses(sandbox, '141421')).toBe(0);
  });
});
