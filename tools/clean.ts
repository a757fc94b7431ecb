/** Removes the emitted code, so that no stale file is ever run or packed. */
import { rmSync } from "node:fs";

rmSync(new URL("../dist", import.meta.url), { recursive: true, force: true });
