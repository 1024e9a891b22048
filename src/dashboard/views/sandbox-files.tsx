/** Files of a sandbox: view, download, upload. No file is run or rendered as a page. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import { get, send } from '../api/http.js';
import type { FileInfo } from '../api/types.js';
import { Empty, Loading, Problem } from '../components/problem.js';
import { attempt, notify } from '../state/notices.js';
import { resource } from '../state/resource.js';
import { bytes, permissions, plural } from '../text/format.js';
import { safeLine } from '../text/safe-text.js';
import { FilePreview } from './file-preview.js';

const WORKSPACE = '/workspace';
const SHOWN = 500;
const MAX_ENTRIES = 20_000;

export function SandboxFiles({ sandbox }: { sandbox: string }) {
  const [path, setPath] = useState(WORKSPACE);
  const [opened, setOpened] = useState<string>();
  const base = `/v1/sandboxes/${encodeURIComponent(sandbox)}/files`;
  const listing = useMemo(
    () => resource(() => get<FileInfo[]>(`${base}/list?path=${encodeURIComponent(path)}&maxEntries=${MAX_ENTRIES}`)),
    [base, path],
  );
  useEffect(() => void listing.load(), [listing]);
  const enter = (to: string) => {
    setPath(to);
    setOpened(undefined);
  };
  const { data, error } = listing;
  const entries = data.value ?? [];
  return (
    <div class="files">
      <div class="files-head">
        <Crumbs path={path} enter={enter} />
        <span class="actions">
          <Upload base={base} path={path} done={listing.load} />
          <button type="button" onClick={() => void listing.load()}>
            Refresh
          </button>
        </span>
      </div>
      {error.value && <Problem what="The directory cannot be read." error={error.value} retry={listing.load} />}
      {!data.value && !error.value && <Loading what="Reading the directory…" />}
      {data.value && entries.length === 0 && (
        <Empty title="This directory is empty.">
          <p>Files that commands write here appear after a refresh.</p>
        </Empty>
      )}
      {entries.length > 0 && (
        <table class="rows file-list">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col" class="figure">
                Size
              </th>
              <th scope="col">Mode</th>
              <th scope="col">Changed</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {entries.slice(0, SHOWN).map((entry) => (
              <Entry
                key={entry.path}
                entry={entry}
                full={`${path === '/' ? '' : path}/${entry.path}`}
                opened={opened}
                enter={enter}
                open={setOpened}
                base={base}
              />
            ))}
          </tbody>
        </table>
      )}
      {entries.length > SHOWN && (
        <p class="muted">
          The first {SHOWN} of {plural(entries.length, 'entry', 'entries')} are shown.
        </p>
      )}
      {opened !== undefined && (
        <FilePreview
          key={opened}
          url={`${base}?path=${encodeURIComponent(opened)}`}
          path={opened}
          download={() => void download(base, opened)}
          close={() => setOpened(undefined)}
        />
      )}
    </div>
  );
}

function Crumbs({ path, enter }: { path: string; enter: (path: string) => void }) {
  const parts = path.split('/').filter(Boolean);
  const upTo = (count: number) => `/${parts.slice(0, count).join('/')}`;
  return (
    <nav aria-label="Directory" class="path-crumbs">
      <button type="button" class="link" onClick={() => enter('/')} aria-label="The root directory">
        /
      </button>
      {parts.map((part, index) => (
        <span key={upTo(index + 1)}>
          {index > 0 && <span class="muted">/</span>}
          <button
            type="button"
            class="link"
            aria-current={index === parts.length - 1 ? 'location' : undefined}
            onClick={() => enter(upTo(index + 1))}
          >
            <bdi>{safeLine(part)}</bdi>
          </button>
        </span>
      ))}
    </nav>
  );
}

interface EntryProps {
  entry: FileInfo;
  full: string;
  opened: string | undefined;
  enter: (path: string) => void;
  open: (path: string) => void;
  base: string;
}

const SIGNS = { directory: '▸', file: ' ', link: '↪', other: '◇' } as const;

function Entry({ entry, full, opened, enter, open, base }: EntryProps) {
  const { path, kind, size, mode, mtimeMs, linkTarget } = entry;
  const name = (
    <>
      <bdi>{safeLine(path)}</bdi>
      {kind === 'directory' && <span aria-hidden="true">/</span>}
    </>
  );
  return (
    <tr class={opened === full ? 'opened' : undefined}>
      <th scope="row">
        <span class="kind" aria-hidden="true">
          {SIGNS[kind]}
        </span>
        {kind === 'directory' && (
          <button type="button" class="link" onClick={() => enter(full)}>
            {name}
          </button>
        )}
        {kind === 'file' && (
          <button type="button" class="link" aria-expanded={opened === full} onClick={() => open(full)}>
            {name}
          </button>
        )}
        {kind === 'link' && (
          <span>
            {name} <span class="muted">→ {safeLine(linkTarget)}</span>
          </span>
        )}
        {kind === 'other' && <span title="A device, socket or pipe">{name}</span>}
      </th>
      <td data-label="Size" class="figure">
        {kind === 'file' ? bytes(size) : ''}
      </td>
      <td data-label="Mode">
        <code>{permissions(mode)}</code>
      </td>
      <td data-label="Changed">{new Date(mtimeMs).toLocaleString('en-GB')}</td>
      <td class="actions">
        {kind === 'file' && (
          <button type="button" aria-label={`Download ${safeLine(path)}`} onClick={() => void download(base, full)}>
            Download
          </button>
        )}
      </td>
    </tr>
  );
}

function download(base: string, path: string): Promise<unknown> {
  return attempt('The file could not be downloaded', async () => {
    const response = await send(`${base}?path=${encodeURIComponent(path)}`);
    // Set a generic type, so that the browser saves the file and never shows it.
    const blob = new Blob([await response.blob()], { type: 'application/octet-stream' });
    const url = URL.createObjectURL(blob);
    const link = document.createElement('a');
    link.href = url;
    link.download = safeLine(path.split('/').at(-1), 200);
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  });
}

function Upload({ base, path, done }: { base: string; path: string; done: () => Promise<void> }) {
  const upload = (files: FileList | null) =>
    attempt('The file could not be uploaded', async () => {
      for (const file of files ?? []) {
        const target = `${path === '/' ? '' : path}/${file.name}`;
        await send(`${base}?path=${encodeURIComponent(target)}`, {
          method: 'PUT',
          body: file,
          headers: { 'content-type': 'application/octet-stream' },
        });
      }
      notify('ok', `Uploaded ${plural(files?.length ?? 0, 'file')}.`);
      await done();
    });
  return (
    <label class="button upload">
      Upload
      <input
        type="file"
        multiple
        class="visually-hidden"
        onChange={(event) => {
          const input = event.currentTarget;
          void upload(input.files).then(() => {
            input.value = '';
          });
        }}
      />
    </label>
  );
}
