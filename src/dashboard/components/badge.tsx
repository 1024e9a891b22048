/** A status badge: word, colour and symbol. Colour is never the only signal. */
import type { Tone } from '../text/tone.js';

const TONES: Record<string, Tone> = {
  running: 'busy', open: 'good', passed: 'good', accepted: 'good', committed: 'good', exited: 'good',
  failed: 'bad', error: 'bad', lost: 'bad', timeout: 'bad', oom: 'bad', signaled: 'bad', 'output-limit': 'bad',
  'spawn-failed': 'bad', 'sandbox-lost': 'bad', 'engine-lost': 'bad', conflict: 'bad', refused: 'bad',
  aborting: 'warn', aborted: 'warn', exhausted: 'warn', approve: 'warn', flagged: 'warn', declined: 'warn',
  closing: 'warn', skipped: 'calm', waiting: 'calm', closed: 'calm',
}; // biome-ignore format: a table

const SIGNS: Record<Tone, string> = { good: '✓', bad: '✕', warn: '!', busy: '●', calm: '○' };

export function Badge({ state, tone, children }: { state: string; tone?: Tone; children?: preact.ComponentChildren }) {
  const shown = tone ?? TONES[state] ?? 'busy';
  return (
    <span class={`badge ${shown}`}>
      <span class="sign" aria-hidden="true">
        {SIGNS[shown]}
      </span>
      {children ?? state}
    </span>
  );
}
