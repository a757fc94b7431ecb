import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { utf8 } from "../../foundation/bytes.ts";
import { replaceFileDurably } from "../../platform/node/private-files.ts";
import type { GatewayConfig } from "./config.ts";
import { whenInForce } from "./in-force.ts";

let data: string;
let config: GatewayConfig;
beforeEach(() => {
  data = join(mkdtempSync(join(tmpdir(), "scanseal-force-")), "gateway");
  mkdirSync(data, { mode: 0o700 });
  config = { data } as GatewayConfig;
});
afterEach(() => rmSync(join(data, ".."), { recursive: true }));

const demo = { name: "demo", mode: "enforce" };
const record = (mode: string): void =>
  replaceFileDurably(join(data, "sources.json"), utf8(JSON.stringify({ demo: mode })), { mode: 0o600 });

it("nothing is in force where no gate is running, whatever was recorded", async () => {
  expect(await whenInForce(config, demo)).toBe("no-gate");
  record("enforce");
  expect(await whenInForce(config, demo)).toBe("no-gate");
});

it("a running gate has it in force when it says so, and the command waits for that", async () => {
  const gate = new DatabaseSync(join(data, "gateway.lock"));
  gate.exec("BEGIN EXCLUSIVE");
  expect(await whenInForce(config, demo, 0)).toBe("not-confirmed");
  record("observe");
  const waiting = whenInForce(config, demo);
  record("enforce");
  expect(await waiting).toBe("in-force");
  expect(await whenInForce(config, { name: "other", mode: "enforce" }, 0)).toBe("not-confirmed");
  gate.close();
  expect(await whenInForce(config, demo)).toBe("no-gate");
});
