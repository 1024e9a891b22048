/** The sections of CHANGELOG.md, one a version. */

/**
 * @param {string} changelog
 * @param {string} version
 * @returns {string | undefined} the text of the section `## version`, also of `## [version] - date`, without its heading
 */
export function sectionOf(changelog, version) {
  const [, ...sections] = `\n${changelog}`.split(/\n## /);
  const section = sections.find((text) => /^\[?([^\]\s]+)/.exec(text)?.[1] === version);
  return section?.slice(section.indexOf('\n') + 1).trim();
}

/**
 * @param {string} tag such as `v1.2.3`
 * @param {string} version the version in package.json
 * @param {string} changelog
 * @returns {string[]} why this version cannot be released under this tag; nothing if it can
 */
export function tagProblems(tag, version, changelog) {
  const problems = [];
  if (tag !== `v${version}`)
    problems.push(`The tag is ${tag}; the version in package.json is ${version}, so it must be v${version}.`);
  if (!sectionOf(changelog, version)) problems.push(`CHANGELOG.md has no section '## ${version}', or an empty one.`);
  return problems;
}
