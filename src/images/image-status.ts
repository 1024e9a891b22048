/** The images of the catalog as they are in an engine. */
import type { CatalogImage } from './catalog.js';

/** The image's description of itself, `/etc/ripcord-image.json`. */
export interface ImageManifest {
  name: string;
  /** Debian's version, e.g. `12.11`. */
  debian: string;
  architecture: string;
  /** Programs and libraries in the image, with versions. */
  contents: Record<string, string>;
}

/** One image of the catalog, as it is in the engine. */
export interface ImageStatus extends CatalogImage {
  /** `missing`, `stale` (built from other files than these) or `ready`. */
  state: 'missing' | 'stale' | 'ready';
  id?: string;
  sizeBytes?: number;
  createdAt?: Date;
  manifest?: ImageManifest;
}
