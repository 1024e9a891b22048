/** `other` is a socket, fifo or device: listed, never carried over. */
export type EntryKind = 'file' | 'directory' | 'link' | 'other';

export interface ManifestEntry {
  kind: EntryKind;
  /** Permission bits, with setuid, setgid and sticky. */
  mode: number;
  /** Bytes; 0 for anything but a file. */
  size: number;
  mtimeMs: number;
  /** Hex; of files, where contents were read. */
  sha256?: string;
  /** Of links. */
  linkTarget?: string;
}

/** What is below a directory: relative path with `/` → entry. Sorted; a directory comes before what is in it. */
export type Manifest = Map<string, ManifestEntry>;
