/**
 * Calls what returns a promise; what it throws instead is a rejection too. Cheaper than an async function around it.
 */
export function promised<T>(call: () => Promise<T>): Promise<T> {
  try {
    return call();
  } catch (error) {
    return Promise.reject(error);
  }
}
