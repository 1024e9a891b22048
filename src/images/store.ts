/** The images of the catalog on one engine: listed, and built. */
import type { ImageName } from './catalog.js';
import type { ImageStatus } from './image-status.js';

export interface EnsureImagesOptions {
  /** Receives each line that a build prints. */
  onProgress?: (name: ImageName, line: string) => void;
  /** Build even if nothing changed, for example to get Debian's security updates. */
  force?: boolean;
  signal?: AbortSignal;
}

export interface ImageStore {
  /** Every image of the catalog and its state in the engine. */
  list(): Promise<ImageStatus[]>;
  /**
   * Makes sure those images are in the engine and built from these files.
   * @returns the names of the images that had to be built
   * @throws RipcordError `image-build-failed` with the last lines of the build
   */
  ensure(names: readonly string[], options?: EnsureImagesOptions): Promise<ImageName[]>;
}
