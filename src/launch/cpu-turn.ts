/** Which CPUs a sandbox is pinned to: those whose turn it is. */
export class CpuTurn {
  readonly #cpus: number;
  #next: number;

  /** @param cpus How many the engine has. Begins anywhere, because other orchestrators take turns as well. */
  constructor(cpus: number) {
    this.#cpus = Math.max(1, cpus);
    this.#next = Math.floor(Math.random() * this.#cpus);
  }

  /** `count` numbers, all of them where there are fewer, in the form of `cpuset.cpus`. */
  next(count: number): string {
    const taken = Array.from({ length: Math.min(count, this.#cpus) }, (_, i) => (this.#next + i) % this.#cpus);
    this.#next = (this.#next + taken.length) % this.#cpus;
    return taken.sort((a, b) => a - b).join(',');
  }
}
