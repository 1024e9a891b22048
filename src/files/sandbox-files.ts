/** The files of a sandbox: `sandbox.files`. All data goes through the pipe, with the rights of the sandbox's user. */
import { posix, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { z } from 'zod';
import { joinSignals, throwIfAborted } from '../base/abort.js';
import { type Chunk, checkPath, checkText, chunkOf, contentOf } from '../base/content.js';
import { FileError, InvalidOptionsError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { Command, type CommandHost } from '../command/command.js';
import { CommandStreams } from '../command/streams.js';
import { type Extracted, extractTar } from '../transfer/extract.js';
import type { KeepLink } from '../transfer/extract-rules.js';
import { packTree } from '../transfer/pack.js';
import { type Change, diffManifests } from '../workspace/diff.js';
import { type ChangeList, changeList, type LeftOut, leaveOutDefaults } from '../workspace/left-out.js';
import type { Manifest } from '../workspace/manifest.js';
import type { Refused } from '../workspace/refused.js';
import {
  checkOperation,
  OPERATION_MS,
  type OperationOptions,
  operationRequest,
  runOperation,
  TRANSFER_MS,
  transferError,
} from './operation.js';
import { streamOperation } from './operation-stream.js';
import {
  type ArchiveOptions,
  archiveSchema,
  type DiffOptions,
  type DownloadOptions,
  diffSchema,
  downloadSchema,
  type ListOptions,
  listSchema,
  type MakeDirOptions,
  makeDirSchema,
  type ReadOptions,
  type ReadStreamOptions,
  type RemoveOptions,
  type RenameOptions,
  readSchema,
  readStreamSchema,
  removeSchema,
  renameSchema,
  type StatOptions,
  statSchema,
  type UploadOptions,
  uploadSchema,
  type WriteArchiveOptions,
  type WriteOptions,
  writeArchiveSchema,
  writeSchema,
} from './options.js';
import { type FileRecord, manifestFromRecords, parseRecords, RecordDecoder } from './records.js';
import { downloadTarget, saveDownload } from './save-download.js';
import { type UploadReport, uploadFromHost } from './upload.js';

/** A file, directory, link or other entry in a sandbox. */
export type FileInfo = FileRecord;

/** Options common to all calls of `sandbox.files`. */
interface FileCall {
  signal?: AbortSignal | undefined;
  user?: string | undefined;
}

/** Content of a file: text (written as UTF-8) or bytes, whole or in parts. */
export type FileContent = Chunk | Blob | AsyncIterable<Chunk>;

/** The location of a sandbox's files, and their initial state. */
interface FileRoot {
  host: CommandHost;
  workspace: string;
  user: string;
  /** Manifest of the seeded workspace; `undefined` in `bind` mode. */
  base(): Manifest | undefined;
}

/** Block size for downloads. */
const BLOCK_BYTES = 256 * 1024;
/** Maximum size of a record. A record has at least 70 bytes, and a path at most 4096. */
const RECORD_BYTES = 8400;

/** Files of a sandbox. Paths are absolute or relative to the workspace. */
export class SandboxFiles {
  readonly #root: FileRoot;

  /** @internal */
  constructor(root: FileRoot) {
    this.#root = root;
  }

  /** @internal The same files, reached through `host`. */
  through(host: CommandHost): SandboxFiles {
    return new SandboxFiles({ ...this.#root, host });
  }

  /**
   * Reads a regular file.
   * @param path Absolute, or relative to the workspace. A path in the workspace cannot lead out of it by a link.
   * @throws FileError `file-not-found`, `is-a-directory`, `permission-denied`, `file-too-large`, `outside-workspace` …
   */
  async read(path: string, options?: ReadOptions): Promise<Buffer> {
    const { offset, maxBytes, ...rest } = this.#parse(readSchema, options, 'files.read');
    return this.#run(['read', this.#path(path), String(offset), String(maxBytes)], rest, { maxBytes });
  }

  /** Reads a regular file as UTF-8 text; see {@link read}. */
  async readText(path: string, options?: ReadOptions): Promise<string> {
    return (await this.read(path, options)).toString('utf8');
  }

  /**
   * Reads a regular file of any size as a stream of bytes, with backpressure. Destroying the stream ends the reading.
   * @throws FileError as {@link read} does. A failure after the first bytes is the stream's error.
   */
  async readStream(path: string, options?: ReadStreamOptions): Promise<Readable> {
    const { offset, maxBytes, ...rest } = this.#parse(readStreamSchema, options, 'files.readStream');
    throwIfAborted(rest.signal, `reading ${path}`);
    const argv = ['read', this.#path(path), String(offset), String(maxBytes ?? -1)];
    return streamOperation(this.#root.host, argv, this.#options(rest, { timeoutMs: TRANSFER_MS }));
  }

  /**
   * Reads a directory tree as a tar stream (ustar and pax). Unpack it as hostile input, as {@link download} does.
   * @throws FileError, also `file-too-large` and `too-many-entries`
   */
  async readArchive(path = '.', options?: ArchiveOptions): Promise<Readable> {
    const { maxBytes, maxEntries, ...rest } = this.#parse(archiveSchema, options, 'files.readArchive');
    throwIfAborted(rest.signal, `reading ${path}`);
    const argv = ['tar', this.#path(path), String(maxBytes), String(maxEntries)];
    return streamOperation(this.#root.host, argv, this.#options(rest, { timeoutMs: TRANSFER_MS }));
  }

  /**
   * Unpacks a tar archive (ustar or pax), whole or in parts, into a directory. It may contain files, directories and
   * links that stay inside; other entries make the call fail.
   * @throws FileError `not-a-regular-file`, `outside-workspace`, `incomplete-write`, `no-space` …
   */
  async writeArchive(
    to: string,
    archive: Uint8Array | AsyncIterable<Uint8Array>,
    options?: WriteArchiveOptions,
  ): Promise<void> {
    const parsed = this.#parse(writeArchiveSchema, options, 'files.writeArchive');
    const { maxBytes, maxEntries, keepLinks, ...rest } = parsed;
    const given = contentOf(archive, 'files.writeArchive: archive');
    const pieces = given instanceof Uint8Array ? [given] : given;
    throwIfAborted(rest.signal, `writing ${to}`);
    await this.#run(
      ['untar', this.#path(to), String(maxBytes), String(maxEntries), ...(keepLinks ? ['links'] : [])],
      rest,
      {
        timeoutMs: TRANSFER_MS,
        stdin: true,
        input: (command) => send(command, pieces, 'files.writeArchive: archive', rest.signal),
      },
    );
  }

  /**
   * Writes a file. All data is first received into a temporary file, so an abort or an error before that changes
   * nothing and watchers see nothing. Then the file's content is replaced and its inode stays; with `atomic` a new file
   * replaces the old one. A symbolic link is followed if it stays in the workspace.
   * @throws FileError `permission-denied`, `no-space`, `is-a-directory`, `outside-workspace` …
   * @throws InvalidOptionsError if the content, or a part of it, is neither text nor bytes. Nothing is changed then.
   */
  async write(path: string, content: FileContent, options?: WriteOptions): Promise<void> {
    const { mode, parents, append, exclusive, atomic, ...rest } = this.#parse(writeSchema, options, 'files.write');
    const given = contentOf(content, 'files.write: content');
    const absolute = this.#path(path);
    if (path.endsWith('/'))
      throw new FileError(
        'is-a-directory',
        `Cannot write ${path}: a path that ends in a slash names a directory (EISDIR)`,
        {
          path: absolute,
          errno: 'EISDIR',
        },
      );
    const bytes = given instanceof Uint8Array ? given : undefined;
    const flags = (parents ? 1 : 0) | (append ? 2 : 0) | (exclusive ? 4 : 0) | (atomic ? 8 : 0);
    const argv = ['write', absolute, octal(mode), String(bytes?.length ?? -1), String(flags)];
    throwIfAborted(rest.signal, `writing ${path}`);
    await this.#run(argv, rest, {
      timeoutMs: TRANSFER_MS,
      stdin: true,
      input: (command) => send(command, bytes ? [bytes] : given, 'files.write: content', rest.signal),
    });
  }

  /** Lists the entries of a directory, `depth` levels deep, sorted by path. */
  async list(path = '.', options?: ListOptions): Promise<FileInfo[]> {
    const { depth, maxEntries, ...rest } = this.#parse(listSchema, options, 'files.list');
    const levels = depth === Number.POSITIVE_INFINITY ? -1 : depth;
    return (await this.#records(['list', this.#path(path), String(levels), String(maxEntries)], rest, maxEntries))
      .records;
  }

  /** Returns type, size, permissions and times of a file. */
  async stat(path: string, options?: StatOptions): Promise<FileInfo> {
    const { follow, ...rest } = this.#parse(statSchema, options, 'files.stat');
    const answer = await this.#run(['stat', this.#path(path), follow ? '1' : '0'], rest);
    const record = parseRecords(answer, { paths: 'any', maxEntries: 1, onRefused: 'throw' }).records[0];
    return { ...record!, path };
  }

  /** Returns true if the path exists. A link whose target is missing does not exist. */
  async exists(path: string, options?: StatOptions): Promise<boolean> {
    try {
      await this.stat(path, options);
      return true;
    } catch (error) {
      if (error instanceof FileError && (error.code === 'file-not-found' || error.code === 'not-a-directory'))
        return false;
      throw error;
    }
  }

  /** Creates a directory. */
  async makeDir(path: string, options?: MakeDirOptions): Promise<void> {
    await this.makeDirs([path], options);
  }

  /** @internal Creates several directories with one operation. */
  async makeDirs(paths: readonly string[], options?: MakeDirOptions): Promise<void> {
    const { mode, parents, ...rest } = this.#parse(makeDirSchema, options, 'files.makeDir');
    if (paths.length === 0) return;
    throwIfAborted(rest.signal, `making ${paths[0]}`);
    const [first, ...more] = paths.map((path) => this.#path(path));
    await this.#run(['mkdir', first!, octal(mode), parents ? '1' : '0', ...more], rest);
  }

  /**
   * Removes a file, a link or an empty directory; with `recursive` a directory of any depth.
   * @throws FileError `file-not-found` without `force`, `directory-not-empty` without `recursive`, `permission-denied` …
   */
  async remove(path: string, options?: RemoveOptions): Promise<void> {
    const { recursive, force, ...rest } = this.#parse(removeSchema, options, 'files.remove');
    throwIfAborted(rest.signal, `removing ${path}`);
    await this.#run(['remove', this.#path(path), recursive ? '1' : '0', force ? '1' : '0'], rest, {
      timeoutMs: TRANSFER_MS,
    });
  }

  /**
   * Moves a file, a directory or a link, within one file system.
   * @throws FileError `file-not-found`, `file-exists` without `overwrite`, `file-error` between two file systems …
   */
  async rename(from: string, to: string, options?: RenameOptions): Promise<void> {
    const { overwrite, parents, ...rest } = this.#parse(renameSchema, options, 'files.rename');
    throwIfAborted(rest.signal, `renaming ${from}`);
    const flags = [overwrite, parents].map((flag) => (flag ? '1' : '0'));
    await this.#run(['rename', this.#path(from), this.#path(to), ...flags], rest);
  }

  /**
   * Copies a file or a directory tree of the host into the sandbox. A directory's entries are copied into `to`. Links
   * are kept as text, whatever their target: inside the sandbox they cannot reach the host. A download refuses links
   * that lead out.
   */
  async upload(from: string, to = '.', options?: UploadOptions): Promise<UploadReport> {
    return uploadFromHost(this, from, to, this.#parse(uploadSchema, options, 'files.upload'));
  }

  /** @internal Uploads the entries of `manifest` below `directory`. Links that lead outside are included. */
  async uploadTree(directory: string, manifest: Manifest, to: string, options: FileCall): Promise<void> {
    const signal = joinSignals(options.signal, this.#root.host.signal);
    await this.#run(['untar', this.#path(to), '-1', '-1', 'links'], options, {
      timeoutMs: TRANSFER_MS,
      stdin: true,
      input: (command) =>
        send(command, packTree(directory, manifest, { signal, keepLinks: true }), 'files.upload', signal),
    });
  }

  /**
   * Copies a file or a directory tree of the sandbox to the host. A directory's entries are copied into `to`. A file is
   * copied to `to`, or into it if `to` ends in a slash. The data is treated as hostile: no entry is written outside
   * `to`, no link is followed, and entries that cannot be copied safely are reported. File times are kept. A link of
   * the seed that the sandbox did not change is kept too, whatever its target.
   */
  async download(from: string, to: string, options?: DownloadOptions): Promise<Extracted> {
    return this.downloadTree(from, to, options, this.#seedLinks(from));
  }

  /** @internal Implements {@link download}. Refuses every link that leads outside, unless `keepLink` accepts it. */
  async downloadTree(from: string, to: string, options?: DownloadOptions, keepLink?: KeepLink): Promise<Extracted> {
    const parsed = this.#parse(downloadSchema, options, 'files.download');
    checkText(to, 'files.download: to');
    const { maxBytes, maxEntries, onRefused, ...rest } = parsed;
    const info = await this.stat(from, rest);
    if (info.kind !== 'directory') {
      const content = await this.read(from, { ...rest, maxBytes });
      return saveDownload(content, downloadTarget(from, to), info.mtimeMs, rest.signal);
    }
    const argv = ['tar', this.#path(from), String(maxBytes), String(maxEntries)];
    throwIfAborted(rest.signal, `downloading ${from}`);
    const streams = new CommandStreams(false, BLOCK_BYTES);
    const request = operationRequest(argv, this.#options(rest, { timeoutMs: TRANSFER_MS }));
    const command = new Command(this.#root.host, request, streams, rest.signal);
    streams.connect(command.stream);
    const failure = collect(streams);
    try {
      const limits = { maxBytes, maxEntries, onRefused, ...(keepLink && { keepLink }) };
      const extracted = await extractTar(streams.stdout, resolve(to), { ...rest, ...limits });
      checkOperation(argv, await command.result, await failure);
      return extracted;
    } catch (error) {
      // If the archive ended by itself, the operation failed and is about to report why: do not kill it.
      if (!streams.stdout.readableEnded) command.kill(0, true);
      // Prefer the operation's own error to the error about the truncated archive.
      checkFailure(argv, await command.result, await failure);
      throw transferError(error, rest.signal, `downloading ${from}`);
    }
  }

  /**
   * Compares the workspace with its seed. New caches, dependency trees and system files (`DEFAULT_IGNORES`) are left
   * out and listed in the `ignored` property of the array; `{ defaultIgnores: false }` includes them.
   * @throws InvalidOptionsError in `bind` mode, which does not have a seed
   */
  async diff(options?: DiffOptions): Promise<ChangeList> {
    const { changes, ...left } = await this.changes(options);
    return changeList(changes, left);
  }

  /**
   * Returns {@link diff} together with entries that a path cannot name: files whose names are not UTF-8, too long or
   * too deep.
   */
  async changes(options?: DiffOptions): Promise<{ changes: Change[]; refused: Refused[] } & LeftOut> {
    const parsed = this.#parse(diffSchema, options, 'files.diff');
    const { maxBytes, maxEntries, defaultIgnores, ...rest } = parsed;
    const base = this.#root.base();
    if (!base)
      throw new InvalidOptionsError(
        "files.diff: a 'bind' workspace is the host's directory itself and does not have a seed",
      );
    const argv = ['manifest', this.#root.workspace, String(maxBytes), String(maxEntries)];
    const { records, refused } = await this.#records(argv, rest, maxEntries);
    const changes = await diffManifests(base, await manifestFromRecords(records, rest.signal), rest.signal);
    const left = defaultIgnores ? await leaveOutDefaults(changes, base) : { changes, ignored: [], ignoredCount: 0 };
    return { ...left, refused };
  }

  /** Returns a test for links of the seed below `from` with unchanged text. */
  #seedLinks(from: string): KeepLink | undefined {
    const base = this.#root.base();
    const inside = posix.relative(this.#root.workspace, this.#path(from));
    if (base === undefined || inside === '..' || inside.startsWith('../')) return undefined;
    return (path, target) => base.get(posix.join(inside, path))?.linkTarget === target;
  }

  /** Runs an operation and decodes its records as they arrive, because the whole output could exceed the memory. */
  async #records(argv: readonly string[], given: FileCall, maxEntries: number) {
    const decoder = new RecordDecoder({ maxEntries });
    await this.#run(argv, given, {
      timeoutMs: argv[0] === 'list' ? OPERATION_MS : TRANSFER_MS,
      maxBytes: maxEntries * RECORD_BYTES,
      onOutput: (chunk) => decoder.push(chunk),
    });
    return decoder.end();
  }

  /**
   * Returns the absolute path.
   * @throws FileError for a relative path that leads out of the workspace
   */
  #path(path: string): string {
    const { workspace } = this.#root;
    checkPath(path);
    const absolute = posix.resolve(workspace, path);
    if (!posix.isAbsolute(path) && absolute !== workspace && !absolute.startsWith(`${workspace}/`)) {
      throw new FileError('outside-workspace', `${path}: leads out of the workspace`, { path, errno: 'EXDEV' });
    }
    return absolute;
  }

  /** Checks the options of a call, and adds the signal that the sandbox gives to every call. */
  #parse<S extends z.ZodType<FileCall>>(schema: S, options: unknown, what: string): z.output<S> {
    const parsed = parseOptions(schema, options, what);
    return { ...parsed, signal: joinSignals(parsed.signal, this.#root.host.signal) };
  }

  #options(given: FileCall, more: Partial<OperationOptions>): OperationOptions {
    return { user: given.user ?? this.#root.user, signal: given.signal, timeoutMs: OPERATION_MS, ...more };
  }

  #run(
    argv: readonly string[],
    given: FileCall,
    more: Partial<Parameters<typeof runOperation>[2]> = {},
  ): Promise<Buffer> {
    return runOperation(this.#root.host, argv, { ...this.#options(given, more), ...more });
  }
}

const octal = (mode: number | undefined): string => (mode === undefined ? '-' : mode.toString(8));

/** Sends all of `content`, checking for an abort before every chunk. */
async function send(
  command: Command,
  content: Iterable<unknown> | AsyncIterable<unknown>,
  what: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const chunk of content) {
    throwIfAborted(signal, 'writing the next chunk');
    const taken = await command.stream.writeStdin(chunkOf(chunk, what));
    // The operation has failed and reports the reason itself.
    if (!taken) return;
  }
  command.stream.endStdin();
}

async function collect(streams: CommandStreams): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of streams.stderr) if (chunks.length < 16) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/**
 * Throws the operation's own error, if it exited by itself. An operation that was killed because the host gave up does
 * not have one.
 */
function checkFailure(argv: readonly string[], result: { outcome: string }, failure: Buffer): void {
  if (result.outcome === 'exited') checkOperation(argv, result as never, failure);
}
