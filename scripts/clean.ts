// Removes the previous build, so that files since renamed or deleted are not published.

import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
