/**
 * The three-way look: what the sandbox changed, against what the target has now. Decides for every change whether it
 * can be made, is made already, collides with somebody else's change, or must not be made.
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
  /** Changes the target has already. */
  alreadyThere: string[];
  /** Directories that were deleted in the sandbox and stay, because they hold what the sandbox never had. */
  kept: string[];
}

/**
 * @param tree Undefined where the target does not exist yet.
 * @param own Paths that are as the caller's seed had them: their links may lead out.
 */
export async function examine(
  tree: AnchoredTree | undefined,
  changes: readonly Change[],
  own: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Examination> {
  return new Examiner(tree, changes, own).run(signal);
}

/** What stands at a path, or why nobody may look. */
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
      if (!(error instanceof UnusableDirectory)) throw commitFileError(error, 'look at', path);
      // Nothing is deleted behind a link: what was there is gone with the directory.
      if (error.reason === 'link' && after !== undefined && !this.givesWay(error.directory)) {
        return { refusal: 'lies behind a link on the host' };
      }
      if (error.reason === 'other file system') return { refusal: 'lies on another file system than the target' };
      return { found: undefined, handle: undefined };
    }
  }

  /** A link the sandbox had, too, and replaced: nothing will lie behind it. */
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

  /** A directory goes only with everything in it; what the sandbox never saw keeps it in place. */
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
        const reason = `a directory with ${rest.length} entries the sandbox did not have`;
        this.result.conflicts.push({ path, reason });
      }
    }
    this.drop((step) => step.step === 'remove-directory' && !removed.has(step.path));
  }

  /** What is created needs a directory around it, which somebody may have taken away. */
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

  /** A link within the tree can still lead out through a link that only the host has. */
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

/** The same change was made on both sides. */
function isDone({ before, after }: Change, found: Found | undefined): boolean {
  if (!sameContent(found, after)) return false;
  if (found === undefined || after === undefined) return true;
  if (before?.kind !== after.kind) return after.kind !== 'file' || ((found.mode ^ after.mode) & 0o100) === 0;
  return after.kind === 'link' || mergedMode(before, after, found) === found.mode;
}

function isUntouched({ change, before, after }: Change, found: Found | undefined): boolean {
  if (!sameContent(found, before)) return false;
  if (found === undefined || before === undefined) return true;
  // A directory's permissions matter only to who changes them.
  if (before.kind === 'directory' && !(change === 'mode-changed' && after?.kind === 'directory')) return true;
  return sameMode(found, before);
}

function describe({ before, after }: Change, found: Found | undefined): string {
  if (found === undefined) return 'is not in the target';
  if (before === undefined && after?.kind === found.kind) return 'is in the target already, and another';
  if (found.kind !== before?.kind) return `is ${found.kind === 'other' ? 'no file' : `a ${found.kind}`} in the target`;
  if (!sameContent(found, before)) return 'is not in the target as the sandbox began with it';
  return `has permissions ${octal(found.mode)} in the target, and the sandbox began with ${octal(before.mode)}`;
}

const octal = (mode: number): string => (mode & 0o777).toString(8).padStart(4, '0');

const effective = () => ({ uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 });

/** Who owned it goes on owning it. */
function foreign({ uid, gid }: { uid: number; gid: number }): Step['owner'] {
  const self = effective();
  return uid === self.uid && gid === self.gid ? undefined : { uid, gid };
}

/** As root the directory's owner, else only a setgid directory's group: what creating it in there would give. */
function inherited({ mode, uid, gid }: DirectoryFacts): Step['owner'] {
  const self = effective();
  if (self.uid === 0) return foreign({ uid, gid });
  return (mode & 0o2000) !== 0 && gid !== self.gid ? { uid: self.uid, gid } : undefined;
}
