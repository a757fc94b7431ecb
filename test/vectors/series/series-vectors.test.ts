/** The vectors hold: for what is written now, and for what was written when they were made. */
import { describe, expect, it } from "vitest";
import { fromBase64, fromLatin1 } from "../../../src/foundation/bytes.ts";
import { parseCertificate } from "../../../src/keys/trust/certificate.ts";
import { nodeCrypto } from "../../../src/platform/node/crypto.ts";
import { checkSeriesManifest, checkStudyManifest } from "../../../src/provenance/manifest/series-check.ts";
import { keyOf, makeVectors } from "./generate.ts";
import vectorsJson from "./vectors.json" with { type: "json" };
import schema from "./vectors.schema.json" with { type: "json" };
import type { SeriesVector, SeriesVectors } from "./vectors.ts";

const { $schema: _, ...vectorsOnly } = vectorsJson;
const vectors = vectorsOnly as unknown as SeriesVectors;
const ports = {
  crypto: nodeCrypto,
  spkiOf: (der: Uint8Array): Uint8Array => parseCertificate(der, nodeCrypto).key.spki,
};

async function outcomeOf({ kind, envelope, opening }: SeriesVector): Promise<object> {
  const record = { kind, digest: "", envelope: fromBase64(envelope), opening: fromLatin1(opening) };
  if (kind === "study") {
    const checked = await checkStudyManifest(record, ports);
    if (checked.fault !== undefined) return checked;
    const { version, count } = checked.statement;
    return { digest: checked.digest, version, state: null, count };
  }
  const checked = await checkSeriesManifest(record, ports);
  if (checked.fault !== undefined) return checked;
  const { version, state, count } = checked.statement;
  return { digest: checked.digest, version, state, count };
}

describe("series vectors", () => {
  it("are what is made today, byte for byte", async () => {
    expect(JSON.parse(JSON.stringify(await makeVectors(keyOf(vectors))))).toEqual(vectorsOnly);
  });

  it("have the form of their schema", () => {
    expect(Object.keys(vectorsJson).filter((key) => !(key in schema.properties))).toEqual([]);
    const { required, properties } = schema.$defs.record;
    for (const row of vectors.records) {
      expect(Object.keys(row)).toEqual(expect.arrayContaining(required));
      expect(Object.keys(row).filter((key) => !(key in properties))).toEqual([]);
      const form = "fault" in row.expected ? schema.$defs.refused : schema.$defs.held;
      expect(Object.keys(row.expected).sort()).toEqual(form.required.toSorted());
    }
  });

  it.each(vectors.records)("$name", async (row) => {
    const outcome = await outcomeOf(row);
    if (!("fault" in row.expected)) return expect(outcome).toEqual(row.expected);
    const { fault, detail } = row.expected;
    expect(outcome).toEqual({ fault, detail: expect.stringContaining(detail) });
  });

  it("say no identifier in a statement", () => {
    const texts = vectors.records.map(({ envelope }) => {
      const { dsse } = JSON.parse(Buffer.from(envelope, "base64").toString("latin1"));
      return Buffer.from(dsse.payload, "base64").toString("latin1");
    });
    expect(texts.filter((text) => text.includes("2.25."))).toEqual([]);
  });
});
