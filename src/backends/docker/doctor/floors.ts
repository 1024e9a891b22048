/** Minimum versions without known escapes from a container. */

interface Advisory {
  ids: readonly string[];
  /** Effect of the vulnerability, in a few words. */
  about: string;
  /** First fixed version of each release line, ascending. All versions after the last line are fixed. */
  fixedIn: readonly string[];
}

export interface Component {
  name: string;
  /** Number of version components that make a release line: 1 for 25.x, 2 for 1.2.x. */
  lineDepth: 1 | 2;
  advisories: readonly Advisory[];
}

export const ENGINE: Component = {
  name: 'Docker Engine',
  lineDepth: 1,
  advisories: [
    {
      ids: ['CVE-2024-29018'],
      about: 'DNS requests leave internal networks (Ripcord uses none)',
      fixedIn: ['23.0.11', '25.0.4', '26.0.0'],
    },
    {
      ids: ['CVE-2026-41567'],
      about: 'in the archive API, which Ripcord does not use on sandboxes',
      fixedIn: ['29.5.1'],
    },
  ],
};

export const RUNC: Component = {
  name: 'runc',
  lineDepth: 2,
  advisories: [
    { ids: ['CVE-2024-21626'], about: 'a leaked descriptor leads to the host', fixedIn: ['1.1.12'] },
    {
      ids: ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881'],
      about: 'races while a container starts lead to the host',
      fixedIn: ['1.2.8', '1.3.3', '1.4.0'],
    },
  ],
};

/** Returns the advisories that affect `version`, judged by its number. */
export function openAdvisories(component: Component, version: string): Advisory[] {
  const found = parseVersion(version);
  return component.advisories.filter(({ fixedIn }) => !isFixed(found, fixedIn.map(parseVersion), component.lineDepth));
}

/**
 * Returns true for builds of distributions: they backport fixes without a new version number, and append their name.
 */
export const isDistributionBuild = (version: string): boolean =>
  /[+~-](dfsg|ds|deb|ubuntu|\d+ubuntu|fc|el|rhel|suse)/i.test(version);

type Numbers = readonly [major: number, minor: number, patch: number];

function parseVersion(text: string): Numbers {
  const match = /(\d+)(?:\.(\d+))?(?:\.(\d+))?/.exec(text);
  return [Number(match?.[1] ?? 0), Number(match?.[2] ?? 0), Number(match?.[3] ?? 0)];
}

function isFixed(found: Numbers, fixedIn: readonly Numbers[], lineDepth: number): boolean {
  const sameLine = fixedIn.find((fixed) => fixed.slice(0, lineDepth).every((part, i) => part === found[i]));
  return compare(found, sameLine ?? fixedIn.at(-1)!) >= 0;
}

function compare(a: Numbers, b: Numbers): number {
  for (const i of [0, 1, 2] as const) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}
