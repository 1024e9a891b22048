import { RipcordError } from '../base/errors.js';
import { printable } from '../base/harmless-text.js';
import { decodeName, foldedName, linkProblem, pathProblem } from '../base/path-rules.js';
import type { TarEntry } from './tar/reader.js';

/** What may be created: a path checked against everything the archive said before. */
export interface Accepted {
  kind: 'file' | 'directory' | 'link';
  path: string;
  linkTarget: string;
}

/** `refuse`: also names that differ only in case or Unicode form. `allow`: only the very same name twice. */
export type Collisions = 'refuse' | 'allow';

/** What an archive has named so far, as a tree: a flat set of prefixes would grow with depth × entries. */
interface Place {
  /** Undefined for files, links and whatever else nothing can lie in. */
  children: Map<string, Place> | undefined;
  folded: Map<string, string>;
}

/** More text than a hundred thousand ordinary paths have; a million entries of 4 KiB each must not fill the memory. */
const MAX_NAMES_LENGTH = 64 * 1024 * 1024;

/**
 * Decides entry by entry what of an archive may be created, from the archive alone: no name leads out, nothing lies
 * behind a link or a file, nothing is named twice. Refused links and files keep their place, so that what claims to
 * lie behind them is refused as well.
 */
export class ExtractRules {
  private readonly root: Place = { children: new Map(), folded: new Map() };
  private namesLength = 0;

  /** `onImplicit` is called for every directory that is only named within a path. */
  constructor(
    private readonly maxDepth: number,
    private readonly collisions: Collisions,
    private readonly onImplicit: () => void,
    private readonly keepLink: KeepLink = () => false,
  ) {}

  /** The entry to create, the reason not to, or `root` for the directory itself. */
  check(entry: TarEntry): Accepted | { reason: string } | 'root' {
    const raw = decodeName(entry.name);
    if (raw === undefined) return { reason: 'name is not UTF-8' };
    const path = normal(raw);
    if (path === '.') return entry.kind === 'directory' ? 'root' : { reason: 'empty path' };
    const problem = pathProblem(path, this.maxDepth) ?? this.place(path, entry.kind === 'directory');
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

  /** Enters `path` and its directories, or says what stands there already. */
  private place(path: string, isDirectory: boolean): string | undefined {
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
      const place = known ?? { children: isLast && !isDirectory ? undefined : new Map(), folded: new Map() };
      parent.children?.set(name, place);
      parent = place;
    } while (slash !== -1);
    return undefined;
  }

  private twinOf(name: string, parent: Place): string | undefined {
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

/** Tells whether a link is to be made with its text, wherever it leads. */
export type KeepLink = (path: string, target: string) => boolean;

const REASONS: Record<string, string> = {
  'hard-link': 'hard link',
  'character-device': 'device',
  'block-device': 'device',
  fifo: 'fifo',
};

/** Without `./` at the start, double slashes and a slash at the end, which writers add freely. */
function normal(path: string): string {
  if (path === '' || path.startsWith('/')) return path;
  return (
    path
      .split('/')
      .filter((segment) => segment !== '' && segment !== '.')
      .join('/') || '.'
  );
}
