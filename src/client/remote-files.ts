/** Files of a sandbox on a server. */
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { checkPath, checkText, chunkOf, contentOf } from '../base/content.js';
import { FileError, InvalidOptionsError } from '../base/errors.js';
import { parseOptions } from '../base/parse-options.js';
import { transferError } from '../files/operation.js';
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
} from '../files/options.js';
import type { FileContent, FileInfo } from '../files/sandbox-files.js';
import { downloadTarget, saveDownload } from '../files/save-download.js';
import { type UploadReport, uploadFromHost } from '../files/upload.js';
import type { AnyFiles } from '../sandbox/any-sandbox.js';
import { type Extracted, extractTar } from '../transfer/extract.js';
import { packTree } from '../transfer/pack.js';
import type { Change } from '../workspace/diff.js';
import { type ChangeList, changeList, type LeftOut } from '../workspace/left-out.js';
import type { Manifest } from '../workspace/manifest.js';
import type { Ask, Transport } from './transport.js';

type Given = { signal?: AbortSignal | undefined; user?: string | undefined };

export class RemoteFiles implements AnyFiles {
  readonly #transport: Transport;
  readonly #base: string;

  constructor(transport: Transport, sandboxPath: string) {
    this.#transport = transport;
    this.#base = sandboxPath;
  }

  async read(path: string, options?: ReadOptions): Promise<Buffer> {
    const parsed = parseOptions(readSchema, options, 'files.read');
    return buffer(await this.readStream(path, parsed));
  }

  async readText(path: string, options?: ReadOptions): Promise<string> {
    return (await this.read(path, options)).toString('utf8');
  }

  async readStream(path: string, options?: ReadStreamOptions): Promise<Readable> {
    const { offset, maxBytes, ...rest } = parseOptions(readStreamSchema, options, 'files.readStream');
    const query = { path: checked(path), offset, maxBytes };
    return this.#transport.stream('GET', `${this.#base}/files`, { ...ask(rest, `reading ${path}`), query });
  }

  async write(path: string, content: FileContent, options?: WriteOptions): Promise<void> {
    const { mode, ...parsed } = parseOptions(writeSchema, options, 'files.write');
    const { parents, append, exclusive, atomic, ...rest } = parsed;
    const permissions = mode?.toString(8).padStart(3, '0');
    const query = { path: checked(path), mode: permissions, parents, append, exclusive, atomic };
    const body = pieces(content, 'files.write: content');
    await this.#transport.json('PUT', `${this.#base}/files`, { ...ask(rest, `writing ${path}`), query, body });
  }

  async list(path = '.', options?: ListOptions): Promise<FileInfo[]> {
    const { depth, maxEntries, ...rest } = parseOptions(listSchema, options, 'files.list');
    const query = { path: checked(path), depth: depth === Number.POSITIVE_INFINITY ? 'all' : depth, maxEntries };
    return this.#transport.json('GET', `${this.#base}/files/list`, { ...ask(rest, `listing ${path}`), query });
  }

  async stat(path: string, options?: StatOptions): Promise<FileInfo> {
    const { follow, ...rest } = parseOptions(statSchema, options, 'files.stat');
    const query = { path: checked(path), follow };
    return this.#transport.json('GET', `${this.#base}/files/stat`, { ...ask(rest, `looking at ${path}`), query });
  }

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

  async makeDir(path: string, options?: MakeDirOptions): Promise<void> {
    const { mode, parents, ...rest } = parseOptions(makeDirSchema, options, 'files.makeDir');
    const json = { path: checked(path), mode, parents };
    await this.#transport.json('POST', `${this.#base}/files/mkdir`, { ...ask(rest, `making ${path}`), json });
  }

  async remove(path: string, options?: RemoveOptions): Promise<void> {
    const { recursive, force, ...rest } = parseOptions(removeSchema, options, 'files.remove');
    const query = { path: checked(path), recursive, force };
    await this.#transport.json('DELETE', `${this.#base}/files`, { ...ask(rest, `removing ${path}`), query });
  }

  async rename(from: string, to: string, options?: RenameOptions): Promise<void> {
    const { overwrite, parents, ...rest } = parseOptions(renameSchema, options, 'files.rename');
    const json = { from: checked(from), to: checked(to), overwrite, parents };
    await this.#transport.json('POST', `${this.#base}/files/rename`, { ...ask(rest, `renaming ${from}`), json });
  }

  async upload(from: string, to = '.', options?: UploadOptions): Promise<UploadReport> {
    return uploadFromHost(this, from, to, parseOptions(uploadSchema, options, 'files.upload'));
  }

  /** @internal */
  async uploadTree(directory: string, manifest: Manifest, to: string, options: Given): Promise<void> {
    const archive = packTree(directory, manifest, { signal: options.signal, keepLinks: true });
    await this.#putTree(to, archive, ask(options, `uploading ${directory}`), { keepLinks: true });
  }

  async download(from: string, to: string, options?: DownloadOptions): Promise<Extracted> {
    const parsed = parseOptions(downloadSchema, options, 'files.download');
    checkText(to, 'files.download: to');
    const { maxBytes, maxEntries, onRefused, ...rest } = parsed;
    const info = await this.stat(from, rest);
    if (info.kind !== 'directory') {
      const content = await this.read(from, { ...rest, maxBytes });
      return saveDownload(content, downloadTarget(from, to), info.mtimeMs, rest.signal);
    }
    try {
      const archive = await this.readArchive(from, { ...rest, maxBytes, maxEntries });
      return await extractTar(archive, resolve(to), { ...rest, maxBytes, maxEntries, onRefused });
    } catch (error) {
      throw transferError(error, rest.signal, `downloading ${from}`);
    }
  }

  async readArchive(path = '.', options?: ArchiveOptions): Promise<Readable> {
    const { maxBytes, maxEntries, ...rest } = parseOptions(archiveSchema, options, 'files.readArchive');
    const query = { path: checked(path), maxBytes, maxEntries };
    return this.#transport.stream('GET', `${this.#base}/tree`, { ...ask(rest, `reading ${path}`), query });
  }

  async writeArchive(
    to: string,
    archive: Uint8Array | AsyncIterable<Uint8Array>,
    options?: WriteArchiveOptions,
  ): Promise<void> {
    const parsed = parseOptions(writeArchiveSchema, options, 'files.writeArchive');
    const { maxBytes, maxEntries, keepLinks, ...rest } = parsed;
    const body = pieces(archive, 'files.writeArchive: archive');
    await this.#putTree(to, body, ask(rest, `writing ${to}`), { maxBytes, maxEntries, keepLinks });
  }

  async diff(options?: DiffOptions): Promise<ChangeList> {
    const { maxBytes, maxEntries, defaultIgnores, ...rest } = parseOptions(diffSchema, options, 'files.diff');
    const asked = { ...ask(rest, 'comparing'), query: { maxBytes, maxEntries, defaultIgnores } };
    const answer = await this.#transport.json<{ changes: Change[] } & LeftOut>(
      'GET',
      `${this.#base}/files/diff`,
      asked,
    );
    return changeList(answer.changes, answer);
  }

  async #putTree(to: string, archive: AsyncIterable<Uint8Array>, asked: Ask, limits: Ask['query']): Promise<void> {
    const query = { path: checked(to), ...limits };
    await this.#transport.json('PUT', `${this.#base}/tree`, { ...asked, query, body: archive });
  }
}

function ask({ signal, user }: Given, what: string): Ask {
  if (user !== undefined) throw new InvalidOptionsError(`${what}: a server does not let its callers choose a user`);
  return { signal, what };
}

function checked(path: string): string {
  checkPath(path);
  return path;
}

/** Returns the pieces of `content`. Checks `content` at once, and each piece when it is read. */
function pieces(content: unknown, what: string): AsyncGenerator<Uint8Array> {
  const given = contentOf(content, what);
  return checkedPieces(given instanceof Uint8Array ? [given] : given, what);
}

async function* checkedPieces(
  given: Iterable<unknown> | AsyncIterable<unknown>,
  what: string,
): AsyncGenerator<Uint8Array> {
  for await (const piece of given) yield chunkOf(piece, what);
}
