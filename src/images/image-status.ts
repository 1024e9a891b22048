/** The state of the catalog's images in an engine. */
import type { CatalogImage } from './catalog.js';

/** The image's own manifest, `/etc/ripcord-image.json`. */
export interface ImageManifest {
  name: string;
  /** Debian's version, e.g. `12.11`. */
  debian: string;
  architecture: string;
  /** Programs and libraries in the image, with versions. */
  contents: Record<string, string>;
}

/** One image of the catalog, with its state in the engine. */
export interface ImageStatus extends CatalogImage {
  /** State: `missing`, `stale` (built from other files than this package's) or `ready`. */
  state: 'missing' | 'stale' | 'ready';
  id?: string;
  sizeBytes?: number;
  createdAt?: Date;
  manifest?: ImageManifest;
}
