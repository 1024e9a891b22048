/** One question to any server that speaks the OpenAI chat API: hosted ones, llama.cpp, Ollama, vLLM. */

const {
  OPENAI_BASE_URL = 'http://127.0.0.1:11434/v1',
  OPENAI_API_KEY = '',
  OPENAI_MODEL = 'qwen2.5-coder',
} = process.env;

/**
 * @param {{ role: 'system' | 'user' | 'assistant', content: string }[]} messages
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function chat(messages, signal) {
  const response = await fetch(`${OPENAI_BASE_URL.replace(/\/$/, '')}/chat/completions`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(OPENAI_API_KEY && { authorization: `Bearer ${OPENAI_API_KEY}` }),
    },
    body: JSON.stringify({ model: OPENAI_MODEL, messages, temperature: 0.8 }),
    signal,
  });
  if (!response.ok) throw new Error(`the model answered ${response.status}: ${(await response.text()).slice(0, 500)}`);
  const { choices } = await response.json();
  return choices[0].message.content;
}

/** The first fenced block of an answer, else all of it. */
export function codeOf(answer) {
  return /```[a-z]*\n([\s\S]*?)```/.exec(answer)?.[1] ?? answer;
}
