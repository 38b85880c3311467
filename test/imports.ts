import { posix } from "node:path";

/** One import or re-export of a source file. */
export interface Import {
  readonly from: string;
  /** A path from src/ on for files of ours, or a package's specifier. */
  readonly to: string;
  /** How it is written. */
  readonly specifier: string;
  readonly kind: "value" | "type" | "dynamic";
}

/** Texts stay, since they may hold what looks like a comment; comments go, since they hold examples. */
const TEXT_OR_COMMENT = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g;
const STATIC = /(?<=^|[;\n}])\s*(?:import|export)\s+(type\s)?(?:[^"'`;]*?\bfrom\s*)?["']([^"'\n]+)["']/g;
const DYNAMIC = /\b(?:import|require|getBuiltinModule)\s*\(\s*(?:["'`]([^"'`\n]+)["'`])?/g;

export function withoutComments(source: string): string {
  return source.replace(TEXT_OR_COMMENT, (_, text: string | undefined) => text ?? " ");
}

/** All imports of a file; a dynamic one of no fixed name is one of `?`. */
export function importsOf(from: string, source: string): Import[] {
  const code = withoutComments(source);
  const found = (specifier: string, kind: Import["kind"]): Import => ({
    from,
    specifier,
    kind,
    to: specifier.startsWith(".") ? posix.join(posix.dirname(from), specifier) : specifier,
  });
  return [
    ...Array.from(code.matchAll(STATIC), ([, type, specifier]) =>
      found(specifier as string, type === undefined ? "value" : "type"),
    ),
    ...Array.from(code.matchAll(DYNAMIC), ([, specifier]) => found(specifier ?? "?", "dynamic")),
  ];
}

/** The imports that are part of a circle: what they import imports them in turn, by way of others or not. */
export function circularOf(imports: readonly Import[]): Import[] {
  const byFile = Map.groupBy(imports, ({ from }) => from);
  const reached = new Map<string, ReadonlySet<string>>();
  const reachOf = (file: string): ReadonlySet<string> => {
    const reach = new Set([file]);
    for (const each of reach) for (const { to } of byFile.get(each) ?? []) reach.add(to);
    reached.set(file, reach);
    return reach;
  };
  return imports.filter(({ from, to }) => (reached.get(to) ?? reachOf(to)).has(from));
}
