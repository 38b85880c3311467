/** Whether it is an error, also one of another realm: in a test runner's, all that Node.js itself throws comes from elsewhere. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}
