import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import { chooseContext } from "./offered-contexts.ts";

const table = new URL("../../dicom/dictionary/standard.generated.json", import.meta.url);
const { uids } = JSON.parse(readFileSync(table, "utf8")) as { readonly uids: Record<string, string> };

/** PS3.6 table A-1 names what is stored "... Storage", and marks what was on trial. */
const stored = Object.entries(uids).filter(
  ([uid, name]) => uid.startsWith("1.2.840.10008.5.1.4.") && /Storage$/.test(name),
);

it("takes every storage class of the standard, wherever its UID stands", () => {
  expect(stored.length).toBeGreaterThan(150);
  for (const [uid, name] of stored)
    expect([name, chooseContext(uid, [explicitLittleEndianUid])]).toEqual([
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
    expect([name, chooseContext(uid, [explicitLittleEndianUid])]).toEqual([name, { refuse: 3 }]);
});
