/** Plays the part of a model: three turns of a script, by the SDK's own mock. */
import { MockLanguageModelV4 } from 'ai/test';

const FIZZBUZZ = `for n in range(1, 16):
    print("FizzBuzz" if n % 15 == 0 else "Fizz" if n % 3 == 0 else "Buzz" if n % 5 == 0 else n)
`;

const usage = {
  inputTokens: { total: 0, noCache: 0, cacheRead: 0, cacheWrite: 0 },
  outputTokens: { total: 0, text: 0, reasoning: 0 },
};

const turn = (unified, ...content) => ({ content, finishReason: { unified, raw: undefined }, usage, warnings: [] });
const call = (toolName, input) => ({
  type: 'tool-call',
  toolCallId: `call-${toolName}`,
  toolName,
  input: JSON.stringify(input),
});

export const model = new MockLanguageModelV4({
  doGenerate: [
    turn('tool-calls', call('write_file', { path: 'fizzbuzz.py', content: FIZZBUZZ })),
    turn('tool-calls', call('exec', { command: 'python3 fizzbuzz.py | tail -n 1' })),
    turn('stop', { type: 'text', text: 'The last line is FizzBuzz.' }),
  ],
});
