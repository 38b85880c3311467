// Makes the command line executable. npm does so on installation, but not for a linked package that is built again.

import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/main.js", import.meta.url), 0o755);
