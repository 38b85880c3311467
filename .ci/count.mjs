// Prints `N passed, N failed` from vitest's own report and fails unless tests ran and all of them passed.

import { readFileSync } from "node:fs";

const { passed, failed } = readCounts();
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;

function readCounts() {
  try {
    const report = JSON.parse(readFileSync(new URL("../.test-results.json", import.meta.url), "utf8"));
    // A file that could not be loaded has no tests, and still failed.
    const brokenFiles = report.testResults.filter(
      (file) => file.status === "failed" && !file.assertionResults.some(isFailed),
    );
    return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles.length };
  } catch (error) {
    console.error(`No test results: ${error.message}`);
    return { passed: 0, failed: 0 };
  }
}

function isFailed(test) {
  return test.status === "failed";
}
