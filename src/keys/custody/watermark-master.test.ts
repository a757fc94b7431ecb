import { hkdfSync } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { openWatermarkMaster, watermarkKeysOf } from "./watermark-master.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-master-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("is made once, for its owner alone, and stays", () => {
  const path = join(folder, "master");
  const made = openWatermarkMaster(path, nodeRandom);
  expect(made.length).toBe(32);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(openWatermarkMaster(path, nodeRandom)).toEqual(made);
});

it("is refused when others may read it, or when a part is missing", () => {
  const path = join(folder, "master");
  writeFileSync(path, new Uint8Array(32), { mode: 0o600 });
  chmodSync(path, 0o644);
  expect(() => openWatermarkMaster(path, nodeRandom)).toThrow(
    expect.objectContaining({ code: "key-unusable" }),
  );
  chmodSync(path, 0o600);
  writeFileSync(path, new Uint8Array(31));
  expect(() => openWatermarkMaster(path, nodeRandom)).toThrow(
    expect.objectContaining({ code: "key-unusable" }),
  );
});

it("gives each signer two keys of its own, by RFC 5869", () => {
  const master = Uint8Array.from({ length: 32 }, (_, i) => i);
  const { locatorKey, recoveryKey } = watermarkKeysOf(
    master,
    Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 0xab),
    nodeCrypto,
  );
  const expected = (use: string): Buffer =>
    Buffer.from(hkdfSync("sha256", master, "", `scanseal-watermark ${use} 01020304050607ab`, 32));
  expect(Buffer.from(locatorKey)).toEqual(expected("locate"));
  expect(Buffer.from(recoveryKey)).toEqual(expected("restore"));
  expect(watermarkKeysOf(master, new Uint8Array(8), nodeCrypto).locatorKey).not.toEqual(locatorKey);
});
