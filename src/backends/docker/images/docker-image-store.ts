import type { ImageName } from '../../../images/catalog.js';
import type { ImageStatus } from '../../../images/image-status.js';
import type { EnsureImagesOptions, ImageStore } from '../../../images/store.js';
import { ensureImages, listImages } from './build.js';
import type { DockerImages } from './docker-images.js';

export class DockerImageStore implements ImageStore {
  readonly #engine: DockerImages;

  constructor(engine: DockerImages) {
    this.#engine = engine;
  }

  list(): Promise<ImageStatus[]> {
    return listImages(this.#engine);
  }

  ensure(names: readonly string[], options?: EnsureImagesOptions): Promise<ImageName[]> {
    return ensureImages(this.#engine, names, options);
  }
}
