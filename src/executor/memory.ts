/** Lessons from the branches of a run: passed to every step, saved with the run, restored on resume. */
import { describe } from './describe.js';

/** Result of one branch. */
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

/** Maximum number of lessons. Past it the oldest is dropped. */
const MAX_LESSONS = 1000;
const MAX_REASON = 2000;

/** Lessons of a run: strategies that were tried, and their results. */
export class Memory {
  readonly #lessons: Lesson[];
  /** Other data that `remember` keeps. It must be JSON to survive a resume. */
  readonly notes: Record<string, unknown>;

  constructor(state?: Partial<MemoryState>) {
    this.#lessons = (state?.lessons ?? []).slice(-MAX_LESSONS);
    this.notes = { ...state?.notes };
  }

  /** Lessons, oldest first. */
  get lessons(): readonly Lesson[] {
    return this.#lessons;
  }

  /** Records a lesson. */
  learn(lesson: Omit<Lesson, 'strategy'> & { strategy: unknown }): void {
    const reason = lesson.reason.slice(0, MAX_REASON);
    this.#lessons.push({ ...lesson, strategy: describe(lesson.strategy), reason });
    if (this.#lessons.length > MAX_LESSONS) this.#lessons.shift();
  }

  /** Returns the lessons about a strategy: those with the same `name`, or the same JSON. */
  about(strategy: unknown): Lesson[] {
    const key = describe(strategy);
    return this.#lessons.filter((lesson) => lesson.strategy === key);
  }

  /** Returns true if a strategy was tried and never passed. */
  hasFailed(strategy: unknown): boolean {
    const lessons = this.about(strategy);
    return lessons.length > 0 && lessons.every(({ outcome }) => outcome !== 'passed');
  }

  /** Returns one line per lesson, newest last, to put into a prompt. */
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
