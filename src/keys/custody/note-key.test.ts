import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { utf8 } from "../../foundation/bytes.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { createNoteKey, openNoteKey } from "./note-key.ts";

describe("keys of logs and witnesses", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-note-key-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "key.pem");

  it("sign what their public key verifies, from an encrypted file, which is never overwritten", async () => {
    const made = createNoteKey(path, "correct horse", nodeRandom);
    expect(readFileSync(path, "latin1")).toContain("BEGIN ENCRYPTED PRIVATE KEY");
    const opened = openNoteKey(path, "correct horse");
    expect(opened.publicKey).toEqual(made.publicKey);
    const signature = await opened.sign(utf8("text"));
    expect(await nodeCrypto.verifyEd25519(made.publicKey, utf8("text"), signature)).toBe(true);
    expect(await nodeCrypto.verifyEd25519(made.publicKey, utf8("texts"), signature)).toBe(false);
    expect(() => createNoteKey(path, "correct horse", nodeRandom)).toThrow(
      expect.objectContaining({ code: "usage" }),
    );
    expect(() => openNoteKey(path, "another horse")).toThrow(
      expect.objectContaining({ code: "key-unusable" }),
    );
    chmodSync(path, 0o644);
    expect(() => openNoteKey(path, "correct horse")).toThrow(
      expect.objectContaining({ code: "key-unusable" }),
    );
  });
});
