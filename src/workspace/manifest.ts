/** Kind of an entry. `other` is a socket, FIFO or device: it is listed, but never transferred. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

export interface ManifestEntry {
  kind: EntryKind;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  /** Size in bytes; 0 for anything but a file. */
  size: number;
  mtimeMs: number;
  /** SHA-256 in hexadecimal. Set for files whose content was read. */
  sha256?: string;
  /** Target of a link. Set for links only. */
  linkTarget?: string;
}

/** Entries below a directory, by relative path with `/`. Sorted: a directory comes before its entries. */
export type Manifest = Map<string, ManifestEntry>;
