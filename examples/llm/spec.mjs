/**
 * A function written by a model. Set OPENAI_BASE_URL, OPENAI_API_KEY and OPENAI_MODEL for the server you use. Three
 * answers compete; what was wrong with each is told to the model, which gets one more try before the next iteration.
 */
import { runTests } from 'ripcord-sandbox';
import { chat, codeOf } from './chat.mjs';

const PROMPT = `def roman(number: int) -> str:
    """The Roman numeral of a number from 1 to 3999. Anything else raises ValueError."""
`;
const TESTS = `
def check(candidate):
    for number, numeral in [(1, 'I'), (4, 'IV'), (9, 'IX'), (14, 'XIV'), (1994, 'MCMXCIV'), (3999, 'MMMCMXCIX')]:
        assert candidate(number) == numeral, number

def test_range():
    for number in (0, 4000, -1):
        try:
            roman(number)
        except ValueError:
            continue
        assert False, f'{number} raised no ValueError'
`;

const SYSTEM = { role: 'system', content: 'Answer with one Python code block: the whole module, no explanation.' };

export const task = PROMPT;

/** @type {import('ripcord-sandbox').ExecutorOptions<string, { name: string }, string, import('ripcord-sandbox').TestReport>} */
export const options = {
  target: process.env.RIPCORD_TARGET ?? 'out/roman',
  branches: 3,
  maxRefinements: 1,
  timeouts: { proposeMs: 120_000, refineMs: 120_000 },
  propose: async ({ task: prompt, feedback, sandbox, external }) => {
    const messages = [SYSTEM, { role: 'user', content: feedback ? `${prompt}\nAvoid this:\n${feedback}` : prompt }];
    const code = codeOf(await external('model', (signal) => chat(messages, signal), { retries: 2 }));
    await sandbox.files.write('roman.py', code);
    return code;
  },
  refine: async ({ task: prompt, proposal, verification, sandbox, external }) => {
    const messages = [
      SYSTEM,
      { role: 'user', content: prompt },
      { role: 'assistant', content: `\`\`\`python\n${proposal}\`\`\`` },
      { role: 'user', content: `This is wrong: ${verification.reason}` },
    ];
    const code = codeOf(await external('model', (signal) => chat(messages, signal), { retries: 2 }));
    await sandbox.files.write('roman.py', code);
    return code;
  },
  verify: ({ sandbox }) => runTests(sandbox, { kind: 'calls', module: 'roman', functions: ['roman'], tests: TESTS }),
};
