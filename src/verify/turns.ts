/** Long work in turns: between two of them the event loop hears an abort, a heartbeat, another sandbox. */
import { setImmediate } from 'node:timers/promises';

/** Some milliseconds of parsing, where a byte is a unit. */
const UNITS_A_TURN = 256 * 1024;

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
