import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// In Lua, Redis sorts texts as the locale does that it was started in, and on a server that is seldom the order of bytes. The
// tests' servers are started in one of their own: the least that sorts as people do, in the format of `man 5 locale`.
const NAME = "as-people-sort";
const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const ORDER: string = `_-0123456789${[...LETTERS].map((letter) => letter + letter.toUpperCase()).join("")}`;

const CHARACTERS = `<code_set_name> ANSI_X3.4-1968
<mb_cur_min> 1
<mb_cur_max> 1
CHARMAP
<U0000>..<U007F> \\x00 ASCII
END CHARMAP
`;
const COLLATION: string = `LC_COLLATE
order_start forward
${[...ORDER].map((letter) => `<U${letter.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}>`).join("\n")}
order_end
END LC_COLLATE
`;

/** Runs once before all tests: makes the locale, where the C library is one that can be given new ones. */
export default function makeLocale(): void {
  const folder = fileURLToPath(new URL("../../node_modules/.cache/locales", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const [characters, collation] = [join(folder, "characters"), join(folder, "collation")];
  writeFileSync(characters, CHARACTERS);
  writeFileSync(collation, COLLATION);
  // By force, since the rest of what makes a locale is left to the defaults.
  const sources = ["--inputfile", collation, "--charmap", characters];
  spawnSync("localedef", ["--no-archive", "--force", ...sources, join(folder, NAME)]);
  if (existsSync(join(folder, NAME, "LC_COLLATE"))) process.env.RAPIDAI_TESTS_LOCALES = folder;
}

const folder: string | undefined = process.env.RAPIDAI_TESTS_LOCALES;

/** Whether the tests' servers sort texts as people do. */
export const isSortedAsPeopleDo: boolean = folder !== undefined;

/** What a server is started in. */
export const environment: NodeJS.ProcessEnv = folder === undefined ? {} : { LOCPATH: folder, LC_ALL: NAME };
