/** What commit-main.mjs needs of the library; the bundle's entry. */
export { applyCommit, prepareCommit, recoverCommit } from '../../../dist/commit/index.js';
export { manifestOf } from '../../../dist/workspace/manifest.js';
