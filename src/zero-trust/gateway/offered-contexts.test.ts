import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { chooseContext } from "./offered-contexts.ts";

const storageAlone = { isReading: false, isCommitting: false };
const table = new URL("../../dicom/dictionary/standard.generated.json", import.meta.url);
const { uids } = JSON.parse(readFileSync(table, "utf8")) as { readonly uids: Record<string, string> };

/** PS3.6 table A-1 names what is stored "... Storage", and marks what was on trial. */
const stored = Object.entries(uids).filter(
  ([uid, name]) => uid.startsWith("1.2.840.10008.5.1.4.") && /Storage$/.test(name),
);

it("takes every storage class of the standard, wherever its UID stands", () => {
  expect(stored.length).toBeGreaterThan(150);
  for (const [uid, name] of stored)
    expect([name, chooseContext(uid, [explicitLittleEndianUid], storageAlone)]).toEqual([
      name,
      { transferSyntax: explicitLittleEndianUid },
    ]);
});

it("takes nothing else of the standard: queries, retrievals, commitment, worklists, printing", () => {
  const others = Object.entries(uids).filter(([, name]) =>
    /(FIND|MOVE|GET|Commitment|Performed Procedure|Print|Query|Creation|Management)/.test(name),
  );
  expect(others.length).toBeGreaterThan(30);
  for (const [uid, name] of others.filter(([, name]) => !/Storage$/.test(name)))
    expect([name, chooseContext(uid, [explicitLittleEndianUid], storageAlone)]).toEqual([
      name,
      { refuse: 3 },
    ]);
});

it("takes queries of readers, and commitment of who has a place for reports, in little endian alone", () => {
  const study = "1.2.840.10008.5.1.4.1.2.2.1";
  const commitment = "1.2.840.10008.1.20.1";
  const taken = { transferSyntax: explicitLittleEndianUid };
  expect(chooseContext(study, [explicitLittleEndianUid], { ...storageAlone, isReading: true })).toEqual(
    taken,
  );
  expect(
    chooseContext(commitment, [explicitLittleEndianUid], { ...storageAlone, isCommitting: true }),
  ).toEqual(taken);
  expect(chooseContext(commitment, [explicitLittleEndianUid], { ...storageAlone, isReading: true })).toEqual({
    refuse: 3,
  });
  expect(chooseContext(study, ["1.2.840.10008.1.2.4.70"], { ...storageAlone, isReading: true })).toEqual({
    refuse: 4,
  });
});
