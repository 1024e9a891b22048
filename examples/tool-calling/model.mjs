/** A model behind the OpenAI chat API where `OPENAI_MODEL` names one, else a script that plays its part. */
const { OPENAI_BASE_URL = 'https://api.openai.com/v1', OPENAI_API_KEY = '', OPENAI_MODEL } = process.env;

/**
 * @param {object[]} messages
 * @param {object[]} tools
 * @param {AbortSignal} signal
 * @returns {Promise<{ role: 'assistant', content: string | null, tool_calls?: any[] }>}
 */
export async function chat(messages, tools, signal) {
  if (!OPENAI_MODEL) return script(messages);
  const response = await fetch(`${OPENAI_BASE_URL.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${OPENAI_API_KEY}` },
    body: JSON.stringify({ model: OPENAI_MODEL, messages, tools }),
    signal,
  });
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  const { choices } = await response.json();
  return choices[0].message;
}

const PROGRAM = `n = 10_000
sieve = [True] * n
for i in range(2, int(n ** 0.5) + 1):
    if sieve[i]:
        sieve[i * i :: i] = [False] * len(sieve[i * i :: i])
print(sum(sieve[2:]))`;

/** Asks for one program, then repeats what it printed. */
function script(messages) {
  const last = messages.at(-1);
  if (last.role === 'tool') {
    const [, printed] = /stdout:\n(\d+)/.exec(last.content) ?? [];
    return { role: 'assistant', content: `There are ${printed} primes below 10,000.` };
  }
  const call = { name: 'run_code', arguments: JSON.stringify({ code: PROGRAM, language: 'python' }) };
  return { role: 'assistant', content: null, tool_calls: [{ id: 'call-1', type: 'function', function: call }] };
}
