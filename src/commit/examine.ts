/**
 * The three-way comparison: changes of the sandbox against the current state of the target. Decides for every change
 * whether it can be made, is already made, conflicts with another change, or must be refused.
 */
import { throwIfAborted } from '../base/abort.js';
import { forEachLimited } from '../base/concurrency.js';
import { depthOf, nameOf, parentOf } from '../base/relative-paths.js';
import { WorkMeter } from '../base/work-meter.js';
import type { Change } from '../workspace/diff.js';
import type { AnchoredTree, DirectoryHandle } from './anchored-tree.js';
import { UnusableDirectory } from './anchored-tree.js';
import type { Conflict } from './errors.js';
import { commitFileError } from './errors.js';
import type { Found } from './identity.js';
import { inspectEntry, sameContent } from './identity.js';
import { mergedMode, sameMode } from './permissions.js';
import type { Refusal } from './review/refusals.js';
import { linkRefusal, nameRefusals } from './review/refusals.js';
import type { Step, StepKind } from './steps.js';

export interface Examination {
  steps: Step[];
  conflicts: Conflict[];
  refused: Refusal[];
  /** Changes that the target already has. */
  alreadyThere: string[];
  /** Directories that the sandbox deleted, but that stay because they hold entries the sandbox never had. */
  kept: string[];
}

/**
 * @param tree Undefined if the target does not exist yet.
 * @param own Paths that are unchanged since the caller's seed: their links may lead out of the target.
 */
export async function examine(
  tree: AnchoredTree | undefined,
  changes: readonly Change[],
  own: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Examination> {
  return new Examiner(tree, changes, own).run(signal);
}

/** The entry found at a path, or the reason why the path must not be inspected. */
type Observation = { found: Found | undefined; handle: DirectoryFacts | undefined } | { refusal: string };
type DirectoryFacts = Pick<DirectoryHandle, 'mode' | 'uid' | 'gid'>;

class Examiner {
  private readonly result: Examination = { steps: [], conflicts: [], refused: [], alreadyThere: [], kept: [] };
  private readonly byPath: Map<string, Change>;
  private n = 0;

  constructor(
    private readonly tree: AnchoredTree | undefined,
    private readonly changes: readonly Change[],
    private readonly own: ReadonlySet<string>,
  ) {
    this.byPath = new Map(changes.map((change) => [change.path, change]));
  }

  async run(signal?: AbortSignal): Promise<Examination> {
    const observations = new Map<string, Observation>();
    await forEachLimited(this.changes, undefined, async (change) => {
      throwIfAborted(signal, `looking at ${change.path}`);
      observations.set(change.path, await this.observe(change));
    });
    const meter = new WorkMeter();
    for (const change of this.changes) {
      if (meter.spend(change.path.length)) await meter.rest(signal);
      this.decide(change, observations.get(change.path)!);
    }
    await this.checkDirectories();
    await this.checkParents();
    this.result.refused.push(
      ...(await nameRefusals(this.result.steps, (directory) => this.namesIn(directory), this.own)),
    );
    await this.checkLinks(signal);
    for (const list of [this.result.conflicts, this.result.refused]) list.sort((a, b) => (a.path < b.path ? -1 : 1));
    return this.result;
  }

  private async observe({ path, before, after }: Change): Promise<Observation> {
    if (this.tree === undefined) return { found: undefined, handle: undefined };
    const sizes = [before, after].flatMap((entry) => (entry?.kind === 'file' ? [entry.size] : []));
    try {
      return await this.tree.inside(parentOf(path), async (handle) => ({
        found: await inspectEntry(handle, nameOf(path), sizes),
        handle,
      }));
    } catch (error) {
      if (!(error instanceof UnusableDirectory)) throw commitFileError(error, 'inspect', path);
      // Never delete behind a link. The sandbox's entry is already gone together with its directory.
      if (error.reason === 'link' && after !== undefined && !this.givesWay(error.directory)) {
        return { refusal: 'lies behind a link on the host' };
      }
      if (error.reason === 'other file system') return { refusal: 'lies on another file system than the target' };
      return { found: undefined, handle: undefined };
    }
  }

  /**
   * Returns true for a link that the sandbox also had and replaced by a directory. Nothing lies behind it afterwards.
   */
  private givesWay(link: string): boolean {
    const change = this.byPath.get(link);
    return change?.before?.kind === 'link' && change.after?.kind === 'directory';
  }

  private decide(change: Change, observation: Observation): void {
    const { path, before, after } = change;
    if ('refusal' in observation) return void this.result.refused.push({ path, reason: observation.refusal });
    const { found, handle } = observation;
    if (isDone(change, found)) return void this.result.alreadyThere.push(path);
    if (!isUntouched(change, found)) return void this.result.conflicts.push({ path, reason: describe(change, found) });

    if (found === undefined) return this.create(change, handle);
    if (after === undefined) {
      return this.add(found.kind === 'directory' ? 'remove-directory' : 'remove', path, { found });
    }
    if (found.kind === 'directory' && after.kind === 'directory') {
      return this.add('set-mode', path, { found, after, mode: mergedMode(before!, after, found) });
    }
    if (found.kind === 'directory' || after.kind === 'directory') {
      this.add(found.kind === 'directory' ? 'remove-directory' : 'remove', path, { found });
      return this.create(change, handle);
    }
    const mode = before?.kind === 'file' && after.kind === 'file' ? mergedMode(before, after, found) : undefined;
    const onlyMode = sameContent(found, after);
    this.add(onlyMode ? 'set-mode' : 'replace', path, { found, after, mode, owner: foreign(found) });
  }

  private create({ path, after }: Change, handle: DirectoryFacts | undefined): void {
    const step = after!.kind === 'directory' ? 'make-directory' : 'place';
    this.add(step, path, { after, owner: handle && inherited(handle) });
  }

  private add(step: StepKind, path: string, rest: Omit<Step, 'n' | 'step' | 'path'>): void {
    this.result.steps.push({ n: this.n++, step, path, ...rest });
  }

  /**
   * Removes a directory only if all of its entries are removed. Entries that the sandbox never saw keep it in place.
   */
  private async checkDirectories(): Promise<void> {
    const removals = this.result.steps.filter(({ step }) => step === 'remove-directory' || step === 'remove');
    const removed = new Set(removals.map(({ path }) => path));
    const directories = removals.filter(({ step }) => step === 'remove-directory');
    directories.sort((a, b) => depthOf(b.path) - depthOf(a.path));
    for (const { path } of directories) {
      const rest = (await this.namesIn(path)).filter((name) => !removed.has(`${path}/${name}`));
      if (rest.length === 0) continue;
      removed.delete(path);
      if (this.byPath.get(path)?.after === undefined) this.result.kept.push(path);
      else {
        const reason = `a directory with ${rest.length} entries that the sandbox did not have`;
        this.result.conflicts.push({ path, reason });
      }
    }
    this.drop((step) => step.step === 'remove-directory' && !removed.has(step.path));
  }

  /** Reports a conflict for new entries whose parent directory is missing in the target. */
  private async checkParents(): Promise<void> {
    const made = new Set(this.result.steps.flatMap(({ step, path }) => (step === 'make-directory' ? [path] : [])));
    const known = new Map<string, boolean>([['', true]]);
    for (const { step, path } of this.result.steps) {
      const parent = parentOf(path);
      if ((step !== 'place' && step !== 'make-directory') || made.has(parent)) continue;
      if (!known.has(parent)) known.set(parent, await this.isDirectory(parent));
      if (!known.get(parent)) this.result.conflicts.push({ path, reason: 'its directory is not in the target' });
    }
  }

  /** Refuses links that lead out of the tree through another link that exists only on the host. */
  private async checkLinks(signal: AbortSignal | undefined): Promise<void> {
    const links = this.result.steps.filter(
      ({ step, path, after }) => step !== 'set-mode' && after?.kind === 'link' && !this.own.has(path),
    );
    await forEachLimited(links, undefined, async ({ path, after }) => {
      throwIfAborted(signal, `looking at ${path}`);
      const reason = await linkRefusal(path, after!.linkTarget ?? '', (prefix) => this.linkOnHost(prefix));
      if (reason !== undefined) this.result.refused.push({ path, reason });
    });
  }

  private async linkOnHost(path: string): Promise<string | undefined> {
    if (this.own.has(path)) return this.byPath.get(path)?.after?.linkTarget;
    if (this.byPath.has(path)) return undefined;
    const observation = await this.observe({ path, change: 'added', kind: 'link' });
    return 'found' in observation && observation.found?.kind === 'link' ? observation.found.linkTarget : undefined;
  }

  private async isDirectory(path: string): Promise<boolean> {
    if (this.tree === undefined || this.byPath.get(path)?.change === 'deleted') return false;
    return this.tree.inside(path, async () => true).catch(falseIfUnusable);
  }

  private async namesIn(directory: string): Promise<string[]> {
    if (this.tree === undefined) return [];
    try {
      return await this.tree.inside(directory, (handle) => handle.list());
    } catch (error) {
      if (error instanceof UnusableDirectory) return [];
      throw commitFileError(error, 'list', directory);
    }
  }

  private drop(isDropped: (step: Step) => boolean): void {
    this.result.steps = this.result.steps.filter((step) => !isDropped(step));
  }
}

function falseIfUnusable(error: unknown): false {
  if (error instanceof UnusableDirectory) return false;
  throw error;
}

/** Returns true if the target already has the same change. */
function isDone({ before, after }: Change, found: Found | undefined): boolean {
  if (!sameContent(found, after)) return false;
  if (found === undefined || after === undefined) return true;
  if (before?.kind !== after.kind) return after.kind !== 'file' || ((found.mode ^ after.mode) & 0o100) === 0;
  return after.kind === 'link' || mergedMode(before, after, found) === found.mode;
}

function isUntouched({ change, before, after }: Change, found: Found | undefined): boolean {
  if (!sameContent(found, before)) return false;
  if (found === undefined || before === undefined) return true;
  // A directory's permissions are compared only if the change sets them.
  if (before.kind === 'directory' && !(change === 'mode-changed' && after?.kind === 'directory')) return true;
  return sameMode(found, before);
}

function describe({ before, after }: Change, found: Found | undefined): string {
  if (found === undefined) return 'is not in the target';
  if (before === undefined && after?.kind === found.kind) return 'already exists in the target with different content';
  if (found.kind !== before?.kind)
    return `is ${found.kind === 'other' ? 'not a file' : `a ${found.kind}`} in the target`;
  if (!sameContent(found, before)) return 'was changed in the target since the sandbox began';
  return `has permissions ${octal(found.mode)} in the target; the sandbox began with ${octal(before.mode)}`;
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

const effective = () => ({ uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 });

/** Returns the current owner if it is not this process, so that the replacement keeps the owner. */
function foreign({ uid, gid }: { uid: number; gid: number }): Step['owner'] {
  const self = effective();
  return uid === self.uid && gid === self.gid ? undefined : { uid, gid };
}

/**
 * Returns the owner for a new entry: as root the directory's owner, otherwise only the group of a setgid directory.
 * open(2) and mkdir(2) would set the same group.
 */
function inherited({ mode, uid, gid }: DirectoryFacts): Step['owner'] {
  const self = effective();
  if (self.uid === 0) return foreign({ uid, gid });
  return (mode & 0o2000) !== 0 && gid !== self.gid ? { uid: self.uid, gid } : undefined;
}
