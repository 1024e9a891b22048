/** Long work in turns: between two of them the event loop hears an abort, a heartbeat, another sandbox. */
import { setImmediate } from 'node:timers/promises';

/** Some milliseconds of parsing, where a byte is a unit. */
const UNITS_A_TURN = 256 * 1024;

/** UTF-8 of any length. */
export async function textOf(bytes: Uint8Array, turns = new Turns()): Promise<string> {
  const decoder = new TextDecoder();
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += UNITS_A_TURN) {
    const part = bytes.subarray(at, at + UNITS_A_TURN);
    parts.push(decoder.decode(part, { stream: true }));
    if (turns.due(part.length)) await turns.yield();
  }
  return parts.join('') + decoder.decode();
}

export class Turns {
  #units = 0;

  /** Counts work; true when a turn's worth is done, and `yield()` is due. */
  due(units: number): boolean {
    this.#units += units;
    return this.#units >= UNITS_A_TURN;
  }

  async yield(): Promise<void> {
    this.#units = 0;
    await setImmediate();
  }
}
