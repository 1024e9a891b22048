import { check, type Finding } from '../../finding.js';
import type { EngineDescription } from './engine-info.js';
import { type Component, ENGINE, isDistributionBuild, openAdvisories, RUNC } from './floors.js';

/** Compares versions with the minimum versions. */
export function checkVersions({ version }: EngineDescription): Finding[] {
  const components = version.Components ?? [];
  const named = (name: string) => components.find((component) => component.Name.toLowerCase() === name)?.Version;
  // Podman and others have the same API but different version numbers.
  const isDocker = components.length === 0 || named('engine') !== undefined;
  const runc = named('runc');
  return [
    isDocker
      ? judge('engine.version', ENGINE, version.Version)
      : check('engine.version', false, {
          ok: '',
          bad: `${components[0]!.Name} ${version.Version}: no known floors for this engine`,
          fix: 'Keep it up to date.',
          otherwise: 'warn',
        }),
    runc === undefined
      ? check('engine.runc', false, {
          ok: '',
          bad: 'the engine does not tell its OCI runtime’s version',
          otherwise: 'warn',
        })
      : judge('engine.runc', RUNC, runc),
  ];
}

function judge(id: string, component: Component, version: string): Finding {
  const open = openAdvisories(component, version);
  const what = open.map(({ ids, about }) => `${ids.join(', ')}: ${about}`).join('; ');
  const newest = component.advisories.flatMap(({ fixedIn }) => fixedIn.at(-1)!).at(-1);
  return check(id, open.length === 0, {
    ok: `${component.name} ${version}`,
    bad: `${component.name} ${version} is below the fixed versions of ${what}`,
    fix: isDistributionBuild(version)
      ? `This is a distribution's build: its security tracker says whether the fixes are in it. Otherwise take ${newest} or later.`
      : `Take ${newest} or later, or the last release of its line.`,
    // Backported fixes cannot be detected here.
    otherwise: 'warn',
  });
}
