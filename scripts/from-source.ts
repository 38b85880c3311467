// Lets a program of this repository import the package by its own name, straight from the sources:
//
//   node --import ./scripts/from-source.ts examples/quick-start.ts
//
// `rapidai` is src/index.ts, `rapidai/background` is src/background/index.ts: the same rule as in tsconfig.json and
// vitest.config.ts.

import { registerHooks } from "node:module";

const src = new URL("../src/", import.meta.url);

registerHooks({
  resolve(specifier, context, nextResolve) {
    const [name, ...path] = specifier.split("/");
    if (name !== "rapidai") return nextResolve(specifier, context);
    return nextResolve(new URL([...path, "index.ts"].join("/"), src).href, context);
  },
});
