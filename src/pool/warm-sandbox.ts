/** A sandbox that stands in the pool: a container with its agent, and nobody's task in it. */
import { within } from '../base/abort.js';
import type { Launched } from '../launch/launch.js';
import type { Warm } from './warm.js';

/** Of one that was reset, and is claimed again at once: what its agent has said since then is as good as an answer. */
const FRESH_MS = 50;

export class WarmSandbox implements Warm {
  /** As it will be handed over next. */
  readonly parts: Launched;
  /** Named for its container. */
  readonly id: string;
  /** Tasks that have been in it. */
  readonly tasks: number;

  constructor(parts: Launched, before?: WarmSandbox) {
    this.parts = parts;
    this.id = before?.id ?? parts.id;
    this.tasks = before ? before.tasks + 1 : 0;
  }

  /** What the sandbox of the next task is called: for the first as its container, then `-2`, `-3` … */
  get nextId(): string {
    return this.tasks === 0 ? this.id : `${this.id}-${this.tasks + 1}`;
  }

  get imageId(): string {
    return this.parts.image.id;
  }

  get isEnded(): boolean {
    return this.parts.client.isEnded;
  }

  async check(): Promise<boolean> {
    const { client } = this.parts;
    if (this.tasks > 0 && client.silentMs < FRESH_MS) return true;
    return client.ping().then(
      () => true,
      () => false,
    );
  }

  /** Asks it to end, and breaks the pipe when it has or does not in time. */
  async end(graceMs: number): Promise<void> {
    const { client } = this.parts;
    if (!client.isEnded) {
      client.shutdown();
      await within(client.ended, graceMs);
    }
    client.destroy();
  }
}
