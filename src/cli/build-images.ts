/** Builds Ripcord's own images for the commands that need one. */
import { InvalidOptionsError } from '../base/errors.js';
import { safeLine } from '../base/harmless-text.js';
import { adoptAptNetwork } from '../images/apt-network.js';
import type { ImageStore } from '../images/store.js';
import type { CliContext, GlobalOptions } from './context.js';
import { withEngine } from './engine.js';
import { note } from './failure.js';
import { LiveLines } from './terminal/live-lines.js';

/** Builds images that are missing or out of date, prints each step on stderr, and returns the names of the built images. */
export function buildImages(names: readonly string[], force: boolean, globals: GlobalOptions, context: CliContext) {
  return withImages(globals, async (images) => {
    await adoptAptNetwork();
    using live = new LiveLines();
    const onProgress = (name: string, line: string) => {
      const text = `${name}: ${safeLine(line)}`;
      if (live.isLive) live.update(text);
      else note(text);
    };
    return await images.ensure(names, { force, onProgress, signal: context.interrupt.signal });
  });
}

/** Calls `work` with the image store of the engine. */
export function withImages<T>(globals: GlobalOptions, work: (images: ImageStore) => Promise<T>): Promise<T> {
  return withEngine(globals, async ({ images, description }) => {
    if (images) return await work(images);
    throw new InvalidOptionsError(`images: this engine cannot build images; it is ${description}`, {
      hint: 'Build them with another engine, and push them to the registry of this one.',
    });
  });
}
