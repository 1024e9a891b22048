/** A processor that the agent is compiled for, by Node's name for it. */
export type Architecture = 'x64' | 'arm64';

/** The names that Node, engines (Go's) and uname give to each. */
const NAMES = new Map<string, Architecture>([
  ['x64', 'x64'],
  ['amd64', 'x64'],
  ['x86_64', 'x64'],
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
]);

/** Debian's names. */
export const DEBIAN_ARCHITECTURES: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Returns undefined if the agent is not compiled for that processor. */
export function architectureOf(name: string): Architecture | undefined {
  return NAMES.get(name);
}
