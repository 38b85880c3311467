// Removes the last build, so that no file that has since been renamed is published.

import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
