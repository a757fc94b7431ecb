/** npx links to the emitted program and makes it executable once; after a rebuild we have to. */
import { chmodSync } from "node:fs";

chmodSync(new URL("../dist/cli/bin.js", import.meta.url), 0o755);
