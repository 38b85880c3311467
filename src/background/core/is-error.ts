/** Whether it is an error, of any realm: within a test runner's, the errors of Node.js itself are of another. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}
