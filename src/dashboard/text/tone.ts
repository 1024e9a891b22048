/** Rating of a state, which a badge shows as a colour and a symbol. */
export type Tone = 'good' | 'bad' | 'warn' | 'busy' | 'calm';
