import { posix } from 'node:path';
import type Docker from 'dockerode';
import { IMAGE_LABEL, isCatalogTag, isCurrent } from '../../images/catalog.js';
import type { ResolvedImage } from '../backend.js';
import { DockerLabel } from './labels.js';

/**
 * Describes an image that was inspected.
 * @param full reference by which it was looked up, with its tag
 */
export function describeImage(image: Docker.ImageInspectInfo, full: string): ResolvedImage {
  const volumes = Object.keys(image.Config?.Volumes ?? {})
    .map((path) => posix.resolve('/', path))
    .sort();
  const labels = image.Config?.Labels ?? {};
  const ours = labels[IMAGE_LABEL];
  const [first, last] = (labels[DockerLabel.UIDS] ?? '').split('-').map(Number);
  // Check the name, too: an image made from one of Ripcord's inherits the label, and files of uid 1000.
  const uids = first && last && isCatalogTag(full) ? { first, count: last - first + 1 } : undefined;
  const current = isCurrent(labels);
  return { id: image.Id, reference: full, ours, current, volumes, uids };
}
