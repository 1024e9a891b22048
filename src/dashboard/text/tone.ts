/** How good it is, which a badge shows as a colour and a sign. */
export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm';
