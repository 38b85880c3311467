// Lets the command line be run as a program. npm does so when it installs the package, but whoever has it linked builds it anew after that.

import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/main.js", import.meta.url), 0o755);
