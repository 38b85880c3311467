import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

// In Lua, Redis compares texts by the locale in which it was started, which in most locales is not the order of their bytes. The
// tests' servers are started in a minimal locale with alphabetical order, in the format of `man 5 locale`.
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

/** Runs once before all tests: compiles the locale, if the C library has `localedef`. */
export default function makeLocale(): void {
  const folder = fileURLToPath(new URL("../../node_modules/.cache/locales", import.meta.url));
  mkdirSync(folder, { recursive: true });
  const [characters, collation] = [join(folder, "characters"), join(folder, "collation")];
  writeFileSync(characters, CHARACTERS);
  writeFileSync(collation, COLLATION);
  // `--force`, because the locale's other categories are missing.
  const sources = ["--inputfile", collation, "--charmap", characters];
  spawnSync("localedef", ["--no-archive", "--force", ...sources, join(folder, NAME)]);
  if (existsSync(join(folder, NAME, "LC_COLLATE"))) process.env.RAPIDAI_TESTS_LOCALES = folder;
}

const folder: string | undefined = process.env.RAPIDAI_TESTS_LOCALES;

/** Whether the tests' servers sort texts alphabetically. */
export const isSortedAsPeopleDo: boolean = folder !== undefined;

/** The environment variables that a server is started with. */
export const environment: NodeJS.ProcessEnv = folder === undefined ? {} : { LOCPATH: folder, LC_ALL: NAME };
