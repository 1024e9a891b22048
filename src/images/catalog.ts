/** The images Ripcord comes with: what they are for, what they are called, and when they are out of date. */
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
  /** What it is called in the engine, e.g. `ripcord/python:latest`. */
  tag: string;
  description: string;
  /** Its directory under `sandbox-images`. */
  directory: string;
  /** The catalog image it is built on; `base` is built on Debian itself. */
  parent: ImageName | undefined;
  /** The major version of Node put into it, for the one that has it. */
  nodeMajor?: number;
  /** The version of swc's compiler that transforms TypeScript there. */
  swc?: string;
}

/** The labels every image of ours carries. */
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

/** Every image of the catalog, parents first. */
export function catalogImages(): CatalogImage[] {
  return Object.values(catalog);
}

/** Whether `name` is a short name of the catalog. */
export function isCatalogName(name: string): name is ImageName {
  return Object.hasOwn(catalog, name);
}

/** Whether `reference` is what one of them is called in the engine. */
export function isCatalogTag(reference: string): boolean {
  return catalogImages().some(({ tag }) => tag === reference);
}

/**
 * The catalog image of that short name.
 * @throws RipcordError `image-not-found`, naming the ones there are
 */
export function catalogImage(name: string): CatalogImage {
  if (isCatalogName(name)) return catalog[name];
  throw new RipcordError('image-not-found', `Ripcord has no image called '${name}'`, {
    hint: `${guess(name)}There are: ${Object.keys(catalog).join(', ')}.`,
    details: { name },
  });
}

/** `python` becomes `ripcord/python:latest`; anything else is an image reference already and stays as it is. */
export function catalogReference(nameOrReference: string): string {
  return isCatalogName(nameOrReference) ? catalog[nameOrReference].tag : nameOrReference;
}

function guess(name: string): string {
  const near = closest(name.replace(/^ripcord\/|:latest$/g, ''), Object.keys(catalog));
  return near === undefined || near === name ? '' : `Did you mean '${near}'? `;
}

/** What a person can do when the engine has no such image. */
export function missingImageHint(nameOrReference: string): string {
  const ours = catalogImages().find(({ name, tag }) => name === nameOrReference || tag === nameOrReference);
  return ours
    ? `Build it: npx --no-install ripcord images build ${ours.name}`
    : `${guess(nameOrReference)}Pull it first (docker pull ${nameOrReference}), or use one of Ripcord's own: ${Object.keys(catalog).join(', ')}.`;
}

/** Whether an image with those tags is that one. Podman puts the name of a registry before every tag. */
export function bearsTag(tags: readonly string[], tag: string): boolean {
  return tags.some((found) => found === tag || found.endsWith(`/${tag}`));
}

/** An image is built from the directory of its Dockerfile, and from files that the agent has as well. */
export function imageFiles(name: ImageName): ContextFile[] {
  const own = readContextFiles(packageFile(`sandbox-images/${catalog[name].directory}`));
  if (name !== 'python') return own;
  return [...own, ...readContextFiles(packageFile('sandbox-images/agent/python'), 'ripcord-python/')];
}

/**
 * What an image should be built from, as one hash: its files, its parent's hash, and its runtime's version. An image
 * in the engine whose label says the same need not be built again.
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

/** Whether an image with those labels was built from the files that were here when this process first asked. */
export function isCurrent(labels: Readonly<Record<string, string>>): boolean {
  const name = labels[IMAGE_LABEL];
  if (name === undefined || !isCatalogName(name)) return false;
  if (!hashes.has(name)) hashes.set(name, imageHash(name));
  return labels[HASH_LABEL] === hashes.get(name);
}
