/** Counts the tests of a run from vitest's JSON report. */

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

/**
 * @param {string} json
 * @returns {Counts} every test once; a file that could not even be loaded is one failure
 */
export function countTests(json) {
  const report = JSON.parse(json);
  const unloadable = report.testResults.filter(
    (/** @type {{ status: string, assertionResults: unknown[] }} */ file) =>
      file.status === 'failed' && file.assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloadable.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/** @param {Counts} counts */
export function summaryOf({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
