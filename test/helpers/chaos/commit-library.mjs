/** The part of the library that commit-main.mjs uses: the entry of its bundle. */
export { applyCommit, prepareCommit, recoverCommit } from '../../../dist/commit/index.js';
export { manifestOf } from '../../../dist/workspace/read-manifest.js';
