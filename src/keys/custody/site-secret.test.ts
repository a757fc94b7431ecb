import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { nodeRandom } from "../../platform/node/crypto.ts";
import { createSiteSecret, sitePassphrase } from "./site-secret.ts";

let folder = "";
let path = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-secret-"));
  path = join(folder, "secret");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("is made once, for its owner alone, and gives way to a given passphrase", () => {
  createSiteSecret(path, nodeRandom);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(sitePassphrase(path, undefined)).toMatch(/^[A-Za-z0-9+/]{43}=$/);
  expect(sitePassphrase(path, "")).toBe(sitePassphrase(path, undefined));
  expect(sitePassphrase(path, "from the environment")).toBe("from the environment");
  expect(() => createSiteSecret(path, nodeRandom)).toThrow("has a secret already");
});

it("is not read when others can read it, or when it is damaged", () => {
  createSiteSecret(path, nodeRandom);
  chmodSync(path, 0o644);
  expect(() => sitePassphrase(path, undefined)).toThrow("open to other users");
  chmodSync(path, 0o600);
  writeFileSync(path, "shorter");
  expect(() => sitePassphrase(path, undefined)).toThrow("damaged");
  rmSync(path);
  expect(() => sitePassphrase(path, undefined)).toThrow("cannot read ");
});
