import type { ChannelName } from './fields.js';

/** The first byte of a binary message of output says where it belongs. */
export const STDOUT = 1;
export const STDERR = 2;
export type WireChannel = typeof STDOUT | typeof STDERR;

/** What a message of stdin counts for besides its bytes while it waits: many tiny ones take memory, too. */
export const STDIN_OVERHEAD = 128;

/** Some output of one channel, or how much of it came and went before the reader asked for it. */
export type OutputPiece = { channel: ChannelName } & ({ bytes: Buffer } | { missing: number });
