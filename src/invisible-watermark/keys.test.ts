import { createHash, hkdfSync } from "node:crypto";
import { expect, it } from "vitest";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { keyIdOf, recoveryKeyStream, tagKey } from "./keys.ts";

const key = Uint8Array.from({ length: 32 }, (_, i) => i);
const context = new Uint8Array(32).fill(7);
const hkdf = (info: string): Uint8Array => new Uint8Array(hkdfSync("sha256", key, context, info, 32));

it("derives keys as RFC 5869 does", () => {
  expect(new Uint8Array(tagKey(key, context, nodeCrypto))).toEqual(hkdf("mtw-tag"));
});

it("gives a key stream of any length, each the beginning of a longer one", () => {
  const stream = recoveryKeyStream(key, context, nodeCrypto);
  const shake = createHash("shake256", { outputLength: 1000 });
  const expected = new Uint8Array(shake.update(hkdf("mtw-rec")).update("mtw-rec-stream").digest());
  for (const length of [0, 1, 136, 1000]) {
    expect(new Uint8Array(stream(length))).toEqual(expected.subarray(0, length));
  }
});

it("names a signer by its certificate", () => {
  const certificate = Uint8Array.of(0x30, 0);
  const digest = createHash("sha256").update(certificate).digest();
  expect(new Uint8Array(keyIdOf(certificate, nodeCrypto))).toEqual(new Uint8Array(digest.subarray(0, 8)));
});
