/** The images that come with Ripcord: their purposes, names and versions. */
import { createHash } from 'node:crypto';
import { closest } from '../base/closest.js';
import { RipcordError } from '../base/errors.js';
import { packageFile } from '../base/package-files.js';
import { type ContextFile, readContextFiles } from './context.js';

/** The short names of the images that come with Ripcord. */
export type ImageName = 'base' | 'python' | 'node' | 'shell' | 'agent';

/** One image of the catalog. */
export interface CatalogImage {
  name: ImageName;
  /** Name in the engine, for example `ripcord/python:latest`. */
  tag: string;
  description: string;
  /** Its directory under `sandbox-images`. */
  directory: string;
  /** Catalog image that this one is built on; `base` is built on Debian. */
  parent: ImageName | undefined;
  /** Major version of Node, for an image with Node. */
  nodeMajor?: number;
  /** Version of the swc compiler that transforms TypeScript. */
  swc?: string;
}

/** Labels of every Ripcord image. */
export const IMAGE_LABEL = 'ripcord.image';
export const HASH_LABEL = 'ripcord.image.hash';
export const CONTENTS_LABEL = 'ripcord.image.contents';

/** The compiler's version is exact, because the images depend on how it is packed. */
const NODE = { nodeMajor: 24, swc: '1.16.22' };

const catalog: Record<ImageName, CatalogImage> = {
  base: image('base', undefined, 'Debian 12 with certificates: what the others are built on'),
  python: image(
    'python',
    'base',
    'Python 3.11 with pip, numpy, pandas, scipy, scikit-learn, matplotlib, requests, pytest, git and more',
  ),
  node: {
    ...image('node', 'base', 'Node.js 24 with npm, git, python3 and make; runs TypeScript by swc, without tsc'),
    ...NODE,
  },
  shell: image('shell', 'base', 'bash with git, curl, jq, ripgrep, sqlite3, unzip, procps and friends'),
  agent: {
    ...image(
      'agent',
      'python',
      'python, with Node.js 24, build tools, git, ripgrep, jq, sqlite3, pandoc and fonts (CJK too)',
    ),
    ...NODE,
    // `sandbox-images/agent` is the source of process 1.
    directory: 'agent-image',
  },
};

function image(name: ImageName, parent: ImageName | undefined, description: string): CatalogImage {
  return { name, tag: `ripcord/${name}:latest`, description, directory: name, parent };
}

/** Returns every image of the catalog, parents first. */
export function catalogImages(): CatalogImage[] {
  return Object.values(catalog);
}

/** Returns true if `name` is a short name of the catalog. */
export function isCatalogName(name: string): name is ImageName {
  return Object.hasOwn(catalog, name);
}

/** Returns true if `reference` is the engine's name of a catalog image. */
export function isCatalogTag(reference: string): boolean {
  return catalogImages().some(({ tag }) => tag === reference);
}

/**
 * Returns the catalog image with that short name.
 * @throws RipcordError `image-not-found` that lists the known names
 */
export function catalogImage(name: string): CatalogImage {
  if (isCatalogName(name)) return catalog[name];
  throw new RipcordError('image-not-found', `Ripcord has no image called '${name}'`, {
    hint: `${guess(name)}There are: ${Object.keys(catalog).join(', ')}.`,
    details: { name },
  });
}

/**
 * Returns the reference of an image: `python` becomes `ripcord/python:latest`. Other names are references already and
 * stay unchanged.
 */
export function catalogReference(nameOrReference: string): string {
  return isCatalogName(nameOrReference) ? catalog[nameOrReference].tag : nameOrReference;
}

function guess(name: string): string {
  const near = closest(name.replace(/^ripcord\/|:latest$/g, ''), Object.keys(catalog));
  return near === undefined || near === name ? '' : `Did you mean '${near}'? `;
}

/** Returns the catalog image of that short name or tag, or undefined. */
export function findCatalogImage(nameOrReference: string): CatalogImage | undefined {
  return catalogImages().find(({ name, tag }) => name === nameOrReference || tag === nameOrReference);
}

/** Returns a hint for an image that the engine does not have. */
export function missingImageHint(nameOrReference: string): string {
  const ours = findCatalogImage(nameOrReference);
  return ours
    ? `Build it: npx --no-install ripcord images build ${ours.name}`
    : `${guess(nameOrReference)}Pull it first (docker pull ${nameOrReference}), or use one of Ripcord's own: ${Object.keys(catalog).join(', ')}.`;
}

/** Returns true if one of the tags is `tag`. Podman puts a registry's name before every tag. */
export function bearsTag(tags: readonly string[], tag: string): boolean {
  return tags.some((found) => found === tag || found.endsWith(`/${tag}`));
}

/** Returns the files that an image is built from: the directory of its Dockerfile, and files shared with the agent. */
export function imageFiles(name: ImageName): ContextFile[] {
  const own = readContextFiles(packageFile(`sandbox-images/${catalog[name].directory}`));
  if (name !== 'python') return own;
  return [...own, ...readContextFiles(packageFile('sandbox-images/agent/python'), 'ripcord-python/')];
}

/**
 * Returns one hash of an image's inputs: its files, its parent's hash, and the version of its runtime. An image in the
 * engine with the same hash in its label is up to date.
 */
export function imageHash(name: ImageName): string {
  const { parent, nodeMajor, swc } = catalog[name];
  const hash = createHash('sha256');
  hash.update(`${name}\0${parent ? imageHash(parent) : 'debian:bookworm'}\0${nodeMajor ?? ''}\0${swc ?? ''}\0`);
  for (const file of imageFiles(name)) {
    hash.update(`${file.path}\0${file.mode}\0${file.content.length}\0`).update(file.content);
  }
  return hash.digest('hex').slice(0, 16);
}

const hashes = new Map<ImageName, string>();

/** Returns true if an image with those labels was built from the files that this process found at its first call. */
export function isCurrent(labels: Readonly<Record<string, string>>): boolean {
  const name = labels[IMAGE_LABEL];
  if (name === undefined || !isCatalogName(name)) return false;
  if (!hashes.has(name)) hashes.set(name, imageHash(name));
  return labels[HASH_LABEL] === hashes.get(name);
}
