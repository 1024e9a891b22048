/** What a run has learnt from its branches: handed to every step, saved with the run, given back on resume. */
import { describe } from './describe.js';

/** How one branch fared. */
export interface Lesson {
  iteration: number;
  branch: number;
  /** The strategy's `name`, or its JSON. */
  strategy: string;
  outcome: 'passed' | 'failed' | 'error';
  reason: string;
}

export interface MemoryState {
  lessons: Lesson[];
  notes: Record<string, unknown>;
}

/** Older lessons make room for newer ones past this many. */
const MAX_LESSONS = 1000;
const MAX_REASON = 2000;

/** Lessons of a run: strategies that were tried, and their ends. */
export class Memory {
  readonly #lessons: Lesson[];
  /** Whatever else `remember` wants kept; must be JSON to survive a resume. */
  readonly notes: Record<string, unknown>;

  constructor(state?: Partial<MemoryState>) {
    this.#lessons = (state?.lessons ?? []).slice(-MAX_LESSONS);
    this.notes = { ...state?.notes };
  }

  /** Oldest first. */
  get lessons(): readonly Lesson[] {
    return this.#lessons;
  }

  /** Records a lesson. */
  learn(lesson: Omit<Lesson, 'strategy'> & { strategy: unknown }): void {
    const reason = lesson.reason.slice(0, MAX_REASON);
    this.#lessons.push({ ...lesson, strategy: describe(lesson.strategy), reason });
    if (this.#lessons.length > MAX_LESSONS) this.#lessons.shift();
  }

  /** The lessons about a strategy: the same `name`, or the same JSON. */
  about(strategy: unknown): Lesson[] {
    const key = describe(strategy);
    return this.#lessons.filter((lesson) => lesson.strategy === key);
  }

  /** Whether a strategy was tried and never passed. */
  hasFailed(strategy: unknown): boolean {
    const lessons = this.about(strategy);
    return lessons.length > 0 && lessons.every(({ outcome }) => outcome !== 'passed');
  }

  /** One line a lesson, newest last: what a prompt can be given. */
  toText(): string {
    return this.#lessons
      .map(({ iteration, strategy, outcome, reason }) => `iteration ${iteration}, ${strategy}: ${outcome}, ${reason}`)
      .join('\n');
  }

  /** Returns plain data, from which `new Memory()` can be made. */
  toJSON(): MemoryState {
    return { lessons: [...this.#lessons], notes: { ...this.notes } };
  }
}
