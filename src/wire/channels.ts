import type { ChannelName } from './fields.js';

/** First byte of a binary message of output: its channel. */
export const STDOUT = 1;
export const STDERR = 2;
export type WireChannel = typeof STDOUT | typeof STDERR;

/** Bytes that a waiting message of stdin counts for besides its own, because many tiny ones take memory, too. */
export const STDIN_OVERHEAD = 128;

/** Some output of one channel, or how much of it came and went before the reader asked for it. */
export type OutputPiece = { channel: ChannelName } & ({ bytes: Buffer } | { missing: number });
