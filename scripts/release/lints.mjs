/** Runs publint and are-the-types-wrong on a packed package. */
import { readFileSync } from 'node:fs';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { problemKindInfo } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

/**
 * Problems that are intended. The package is an ES module, and are-the-types-wrong does not know that Node can `require()`
 * one. The check runs such a `require()` instead.
 */
const INTENDED = ['CJSResolvesToESM'];

/**
 * @param {string} file the packed package
 * @returns {Promise<string[]>} every message of publint, suggestions included
 */
export async function publintProblems(file) {
  const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(readFileSync(file)).buffer } });
  return messages.map((message) => `${message.type}: ${formatMessage(message, pkg, { color: false })}`);
}

/**
 * @param {string} file the packed package
 * @returns {Promise<string[]>} the problems of are-the-types-wrong, each with its entry and its kind of module resolution
 */
export async function typesProblems(file) {
  const result = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(file))));
  if (!result.types) return ['The package has no types.'];
  return result.problems.filter(({ kind }) => !INTENDED.includes(kind)).map(describe);
}

/** @param {import('@arethetypeswrong/core').Problem} problem */
function describe(problem) {
  const { title, description } = problemKindInfo[problem.kind];
  const where = 'entrypoint' in problem ? `${problem.entrypoint} (${problem.resolutionKind})` : fileOf(problem);
  return `${where}: ${title}. ${description}`;
}

/** @param {object} problem */
const fileOf = (problem) => ('fileName' in problem ? problem.fileName : 'the package');
