/** Files of the workspaces as MCP resources: `sandbox://<sandbox>/<path>`. */
import { isUtf8 } from 'node:buffer';
import { ErrorCode, McpError, type Resource, type ResourceTemplate } from '@modelcontextprotocol/sdk/types.js';
import { throwIfAborted } from '../base/abort.js';
import { messageOf, RipcordError } from '../base/errors.js';
import type { Sandbox } from '../sandbox/sandbox.js';
import { pictureType } from '../tools/pictures.js';
import type { ToolSession } from '../tools/session.js';

const SCHEME = 'sandbox://';
/** Depth of the list. Clients show it to a user or a model, and can still read deeper files by path. */
const DEPTH = 8;
const MAX_ENTRIES = 20_000;
const PAGE = 200;
const MAX_FILE_BYTES = 8 * 1024 ** 2;
/** Error code of the MCP specification. */
const RESOURCE_NOT_FOUND = -32002;

/** Fingerprint of a file: it changes when the file changes. */
export type FileState = string;

export type ListedFile = Resource & { size: number };

export class WorkspaceResources {
  readonly template: ResourceTemplate = {
    name: 'workspace-file',
    title: 'A file of a sandbox',
    uriTemplate: `${SCHEME}{sandbox_id}/{+path}`,
    description: 'A file in the /workspace of a sandbox of this session. list_sandboxes names the sandboxes.',
  };
  readonly #session: ToolSession;

  constructor(session: ToolSession) {
    this.#session = session;
  }

  /**
   * Lists one page of the files.
   * @throws McpError for an invalid cursor
   */
  async list(
    cursor: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<{ files: ListedFile[]; next: string | undefined }> {
    const from = cursor === undefined ? 0 : Number(cursor);
    if (!Number.isSafeInteger(from) || from < 0) throw new McpError(ErrorCode.InvalidParams, 'No such cursor');
    const files = await this.#files(signal);
    const to = from + PAGE;
    return { files: files.slice(from, to), next: to < files.length ? String(to) : undefined };
  }

  async read(uri: string, signal: AbortSignal | undefined) {
    const { sandbox, path } = this.#locate(uri);
    try {
      const bytes = await sandbox.files.read(path, { maxBytes: MAX_FILE_BYTES, signal });
      const picture = pictureType(bytes);
      if (picture === undefined && isUtf8(bytes)) return { uri, mimeType: 'text/plain', text: bytes.toString('utf8') };
      return { uri, mimeType: picture ?? 'application/octet-stream', blob: bytes.toString('base64') };
    } catch (error) {
      throwIfAborted(signal, `reading ${uri}`);
      const code = error instanceof RipcordError && error.code === 'file-not-found' ? RESOURCE_NOT_FOUND : undefined;
      throw new McpError(code ?? ErrorCode.InvalidParams, messageOf(error));
    }
  }

  /**
   * Returns the fingerprint of a file.
   * @throws McpError if `uri` is not the address of a file in a sandbox of this session
   */
  async state(uri: string): Promise<FileState> {
    const { sandbox, path } = this.#locate(uri);
    const found = await sandbox.files.stat(path).catch(() => undefined);
    return found ? `${found.size} ${found.mtimeMs}` : 'not there';
  }

  async #files(signal: AbortSignal | undefined): Promise<ListedFile[]> {
    const lists = await Promise.all(this.#session.list().map((sandbox) => filesOf(sandbox, signal)));
    return lists.flat();
  }

  #locate(uri: string): { sandbox: Sandbox; path: string } {
    const [, id, path] = /^sandbox:\/\/([0-9a-f]+)\/(.+)$/.exec(uri) ?? [];
    const sandbox = this.#session.list().find((open) => open.id === id);
    if (!sandbox || !path) throw new McpError(RESOURCE_NOT_FOUND, `There is no resource ${uri}`);
    try {
      return { sandbox, path: path.split('/').map(decodeURIComponent).join('/') };
    } catch {
      throw new McpError(ErrorCode.InvalidParams, `${uri} is not a valid URI`);
    }
  }
}

async function filesOf(sandbox: Sandbox, signal: AbortSignal | undefined): Promise<ListedFile[]> {
  try {
    const entries = await sandbox.files.list('.', { depth: DEPTH, maxEntries: MAX_ENTRIES, signal });
    return entries
      .filter(({ kind }) => kind === 'file')
      .map(({ path, size, mtimeMs }) => ({
        uri: `${SCHEME}${sandbox.id}/${path.split('/').map(encodeURIComponent).join('/')}`,
        name: path,
        size,
        annotations: { lastModified: new Date(mtimeMs).toISOString() },
      }));
  } catch (error) {
    throwIfAborted(signal, 'listing resources');
    // The sandbox has ended, or has too many files for a list. Each file can still be read by its address.
    if (error instanceof RipcordError) return [];
    throw error;
  }
}
