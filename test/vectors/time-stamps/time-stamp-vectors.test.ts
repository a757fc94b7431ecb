/** The vectors hold, for what is read now; and openssl says the same of the honest ones. */

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fromBase64, fromHex } from "../../../src/foundation/bytes.ts";
import { encodePem } from "../../../src/keys/trust/pem.ts";
import { parseCrl } from "../../../src/keys/trust/revocation.ts";
import { checkTimeStamps, TimeStampTrust } from "../../../src/keys/trust/time-stamp.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { itWithPeer, peerPath } from "../../peers.ts";
import { makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { TimeStampVector, TimeStampVectors } from "./vectors.ts";

const vectors = vectorsJson as unknown as TimeStampVectors;
const folder = mkdtempSync(join(tmpdir(), "scanseal-stamp-vectors-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function outcomeOf(
  vector: TimeStampVector,
  { anchor, revocationList, message, now }: TimeStampVectors = vectors,
): Promise<TimeStampVector["expected"]> {
  const { policies = [], isRevoked } = vector;
  const crls = isRevoked ? [parseCrl(fromBase64(revocationList), nodeCrypto)] : [];
  const trust = new TimeStampTrust({ anchors: [fromBase64(anchor)], policies, crls }, nodeCrypto);
  const tokens = vector.tokens.map(fromBase64);
  const nonce = vector.nonce === undefined ? undefined : fromHex(vector.nonce);
  // After the list was made, where one is used.
  const question = {
    message: fromHex(vector.message ?? message),
    now: vector.now ?? now + (isRevoked ? 7_200_000 : 0),
  };
  const result =
    nonce === undefined
      ? (await checkTimeStamps(tokens, question, trust)).find(({ token }) => token === tokens.at(-1))!.result
      : await trust.check(tokens[0]!, { ...question, nonce });
  if (!result.ok) return { step: result.step };
  const { genTime, accuracy, policy, serial } = result;
  return { genTime, accuracy, policy, serial };
}

describe("time-stamp vectors", () => {
  it("have the form of their schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    const { required, properties } = schema.$defs.token;
    for (const row of vectors.tokens) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
      expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
    }
  });

  it.each(vectors.tokens)("$name", async (vector) => {
    expect(await outcomeOf(vector)).toEqual(vector.expected);
  });

  itWithPeer("openssl", "made anew they hold too", async () => {
    const anew = await makeVectors(folder);
    expect(anew.tokens.map(({ name }) => name)).toEqual(vectors.tokens.map(({ name }) => name));
    for (const vector of anew.tokens)
      expect({ [vector.name]: await outcomeOf(vector, anew) }).toEqual({ [vector.name]: vector.expected });
  });

  itWithPeer("openssl", "openssl ts -verify takes the honest one", () => {
    const write = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const token = write("token", fromBase64(vectors.tokens[0]!.tokens[0]!));
    const data = write("data", fromHex(vectors.message));
    const anchor = write("anchor.pem", encodePem("CERTIFICATE", fromBase64(vectors.anchor)));
    const at = ["-attime", String(Math.floor(vectors.now / 1000))];
    const args = ["ts", "-verify", "-token_in", "-in", token, "-data", data, "-CAfile", anchor, ...at];
    expect(spawnSync(peerPath("openssl"), args, { encoding: "utf8" }).stdout).toContain("Verification: OK");
  });
});
