/** Chooses the CPUs that a sandbox is pinned to, in turn. */
export class CpuTurn {
  readonly #cpus: number;
  #next: number;

  /**
   * Starts at a random CPU, because other orchestrators take turns as well.
   * @param cpus number of CPUs of the engine
   */
  constructor(cpus: number) {
    this.#cpus = Math.max(1, cpus);
    this.#next = Math.floor(Math.random() * this.#cpus);
  }

  /** Returns the next `count` CPU numbers in the form of `cpuset.cpus`. If there are fewer CPUs, returns all. */
  next(count: number): string {
    const taken = Array.from({ length: Math.min(count, this.#cpus) }, (_, i) => (this.#next + i) % this.#cpus);
    this.#next = (this.#next + taken.length) % this.#cpus;
    return taken.sort((a, b) => a - b).join(',');
  }
}
