import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { decodeName, foldedName, linkProblem, pathProblem } from '../base/path-rules.js';
import type { TarEntry } from './tar/reader.js';

/** An entry that may be created. Its path was checked against all earlier entries. */
export interface Accepted {
  kind: 'file' | 'directory' | 'link';
  path: string;
  linkTarget: string;
}

/** Names to refuse. `refuse`: names that differ only in case or Unicode form as well. `allow`: only identical names. */
export type Collisions = 'refuse' | 'allow';

/** The names of an archive so far, as a tree. A flat set of prefixes would grow with depth × entries. */
interface NameNode {
  /** Undefined for files, links and other entries that cannot have children. */
  children: Map<string, NameNode> | undefined;
  folded: Map<string, string>;
}

/**
 * Maximum total length of names. 100,000 ordinary paths are shorter; a million entries of 4 KiB each must not fill the
 * memory.
 */
const MAX_NAMES_LENGTH = 64 * 1024 * 1024;

/**
 * Decides for each entry whether it may be created, from the archive alone: no name leads out, no entry lies behind a
 * link or a file, no name is repeated. Refused links and files stay in the tree, so that entries behind them are
 * refused as well.
 */
export class ExtractRules {
  private readonly root: NameNode = { children: new Map(), folded: new Map() };
  private namesLength = 0;

  /** @param onImplicit Called for every directory that occurs only within a path. */
  constructor(
    private readonly maxDepth: number,
    private readonly collisions: Collisions,
    private readonly onImplicit: () => void,
    private readonly keepLink: KeepLink = () => false,
  ) {}

  /** Returns the entry to create, the reason to refuse it, or `root` for the directory itself. */
  check(entry: TarEntry): Accepted | { reason: string } | 'root' {
    const raw = decodeName(entry.name);
    if (raw === undefined) return { reason: 'name is not UTF-8' };
    const path = normal(raw);
    if (path === '.') return entry.kind === 'directory' ? 'root' : { reason: 'empty path' };
    const problem = pathProblem(path, this.maxDepth) ?? this.addPath(path, entry.kind === 'directory');
    if (problem !== undefined) return { reason: problem };

    switch (entry.kind) {
      case 'file':
      case 'directory':
        return { kind: entry.kind, path, linkTarget: '' };
      case 'symlink': {
        const linkTarget = decodeName(entry.linkName);
        if (linkTarget === undefined) return { reason: 'link target is not UTF-8' };
        const reason = this.keepLink(path, linkTarget) ? undefined : linkProblem(path, linkTarget);
        if (reason !== undefined) return { reason };
        this.countName(linkTarget);
        return { kind: 'link', path, linkTarget };
      }
      default:
        return { reason: REASONS[entry.kind] ?? 'unsupported kind of entry' };
    }
  }

  /** Adds `path` and its directories to the tree, or returns the reason why it cannot. */
  private addPath(path: string, isDirectory: boolean): string | undefined {
    this.countName(path);
    let parent = this.root;
    let slash = -1;
    do {
      const start = slash + 1;
      slash = path.indexOf('/', start);
      const isLast = slash === -1;
      const name = path.slice(start, isLast ? undefined : slash);
      const known = parent.children?.get(name);
      if (known === undefined) {
        if (parent.children === undefined) return 'lies behind a link or a file';
        const twin = this.twinOf(name, parent);
        if (twin !== undefined) return `same name as ${printable(twin)} on some file systems`;
        if (!isLast) this.onImplicit();
      } else if (isLast && !(isDirectory && known.children)) return 'named twice';
      const node = known ?? { children: isLast && !isDirectory ? undefined : new Map(), folded: new Map() };
      parent.children?.set(name, node);
      parent = node;
    } while (slash !== -1);
    return undefined;
  }

  private twinOf(name: string, parent: NameNode): string | undefined {
    if (this.collisions === 'allow') return undefined;
    const key = foldedName(name);
    const twin = parent.folded.get(key);
    if (twin === undefined) parent.folded.set(key, name);
    return twin;
  }

  private countName(name: string): void {
    this.namesLength += name.length;
    if (this.namesLength > MAX_NAMES_LENGTH) {
      throw new RipcordError('too-many-entries', 'The names in the archive are longer than 64 MiB together');
    }
  }
}

/** Returns true if a link keeps its text, whatever its target. */
export type KeepLink = (path: string, target: string) => boolean;

const REASONS: Record<string, string> = {
  'hard-link': 'hard link',
  'character-device': 'device',
  'block-device': 'device',
  fifo: 'fifo',
};

/** Removes `./` at the start, double slashes and a slash at the end, which many writers add. */
function normal(path: string): string {
  if (path === '' || path.startsWith('/')) return path;
  return (
    path
      .split('/')
      .filter((segment) => segment !== '' && segment !== '.')
      .join('/') || '.'
  );
}
