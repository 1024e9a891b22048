/** Builds the agent unless it is up to date; resolves to the path of the binary. */
export function buildAgent(options?: {
  arch?: 'x64' | 'arm64';
  quiet?: boolean;
  sanitize?: boolean;
  fuzz?: boolean;
  /** Compiles the sources of a directory elsewhere, where this machine has no compiler. */
  compileElsewhere?: (directory: string, args: string[]) => Promise<Buffer>;
}): Promise<string>;
