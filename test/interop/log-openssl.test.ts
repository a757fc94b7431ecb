/** Checkpoints, cosignatures and leaves, checked with openssl alone: nothing of ours has to be believed. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { describePeer, peerPath } from "../peers.ts";
import { logKey, sampleProof, testTime, witnessA } from "../transparency-log/memory-log.ts";

describePeer("openssl", "a proof with openssl", () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-openssl-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): Buffer =>
    execFileSync(peerPath("openssl"), args, { stdio: ["ignore", "pipe", "pipe"] });

  /** As docs/transparency-log.md says: the last 32 bytes of a vkey behind a fixed head. */
  function verifies(vkey: string, message: string, signature: Uint8Array): boolean {
    const key = Buffer.from(vkey.split("+").slice(2).join("+"), "base64").subarray(1);
    writeFileSync(at("key.der"), Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), key]));
    writeFileSync(at("message"), message);
    writeFileSync(at("signature"), signature);
    try {
      const input = ["-rawin", "-in", at("message"), "-sigfile", at("signature")];
      openssl("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", at("key.der"), ...input);
      return true;
    } catch {
      return false;
    }
  }

  it("the log's signature, a witness' cosignature with its time, and the entry's place", async () => {
    const { entry, proof } = await sampleProof(1, 2);
    const [head, body, signatures] = Buffer.from(proof).toString().split("\n\n") as [string, string, string];
    const [byLog, byWitness] = signatures
      .split("\n")
      .map((line) => Buffer.from(line.split(" ")[2] ?? "", "base64"));
    expect(verifies(logKey.vkey, `${body}\n`, byLog!.subarray(4))).toBe(true);
    expect(verifies(logKey.vkey, `${body}\n\n`, byLog!.subarray(4))).toBe(false);
    const time = byWitness!.readBigUInt64BE(4);
    expect(time).toBe(BigInt(testTime));
    const cosigned = `cosignature/v1\ntime ${time}\n${body}\n`;
    expect(verifies(witnessA.vkey, cosigned, byWitness!.subarray(12))).toBe(true);
    // Two entries: the sibling is the only line of the path, and on the left.
    const sha256 = (bytes: Uint8Array): Buffer => {
      writeFileSync(at("hashed"), bytes);
      openssl("dgst", "-sha256", "-binary", "-out", at("digest"), at("hashed"));
      return readFileSync(at("digest"));
    };
    const leaf = sha256(Buffer.concat([Buffer.from([0]), entry]));
    const sibling = Buffer.from(head.split("\n")[2]!, "base64");
    const root = sha256(Buffer.concat([Buffer.from([1]), sibling, leaf]));
    expect(root.toString("base64")).toBe(body.split("\n")[2]);
  });
});
