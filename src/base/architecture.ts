/** A processor architecture that the agent is compiled for, by Node's name. */
export type Architecture = 'x64' | 'arm64';

/** Names used by Node, by engines (written in Go) and by uname. */
const NAMES = new Map<string, Architecture>([
  ['x64', 'x64'],
  ['amd64', 'x64'],
  ['x86_64', 'x64'],
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
]);

/** Debian's names of the architectures. */
export const DEBIAN_ARCHITECTURES: Readonly<Record<Architecture, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Returns the architecture with this name. Undefined if the agent is not compiled for it. */
export function architectureOf(name: string): Architecture | undefined {
  return NAMES.get(name);
}
