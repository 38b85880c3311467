/** Calls back in each turn of the event loop; returns a function that ends it. */
export function everyTurn(call: () => void): () => void {
  const turn = () => {
    next = setImmediate(turn);
    call();
  };
  let next = setImmediate(turn);
  return () => clearImmediate(next);
}
