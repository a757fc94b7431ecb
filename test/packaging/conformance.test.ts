/** The tables of docs/dicom-conformance.md are what the code does: every UID that they name is taken, and none is taken that they do not name. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { implementationClassUid, implementationVersionName } from "../../src/dicom/encode.ts";
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  transferSyntaxOf,
} from "../../src/dicom/transfer-syntax.ts";
import { chooseContext, isStorageClass } from "../../src/zero-trust/gateway/offered-contexts.ts";
import { projectRoot } from "../peers.ts";

const page = readFileSync(join(projectRoot, "docs", "dicom-conformance.md"), "utf8");
const everything = { isReading: true, isCommitting: true };
const storageOnly = { isReading: false, isCommitting: false };

/** The rows under a header that begins so, without it. */
function tableUnder(header: string): string[][] {
  const lines = page.split("\n");
  const at = lines.findIndex((line) => line.startsWith(header));
  expect({ header, at }).not.toEqual({ header, at: -1 });
  const rows: string[][] = [];
  for (const line of lines.slice(at + 2)) {
    if (!line.startsWith("|")) break;
    rows.push(
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
  }
  return rows;
}

const uidsIn = (text: string): string[] => text.match(/1\.2\.840\.10008(\.\d+)+(?![.\d*])/g) ?? [];

describe("the conformance statement", () => {
  it("names the transfer syntaxes that the gate takes, and no other", () => {
    const named = tableUnder("| transfer syntax | UID |").flatMap(([, uids]) => uidsIn(uids!));
    expect(new Set(named).size).toBe(named.length);
    const taken = (uid: string): boolean =>
      "transferSyntax" in chooseContext("1.2.840.10008.1.1", [uid], everything);
    for (const uid of named) expect({ uid, taken: taken(uid) }).toEqual({ uid, taken: true });
    const known: string[] = ["1.2.840.10008.1.2"];
    const numbers = Array.from({ length: 256 }, (_, n) => n);
    for (const a of numbers) {
      known.push(`1.2.840.10008.1.2.${a}`);
      for (const b of numbers) known.push(`1.2.840.10008.1.2.${a}.${b}`);
    }
    expect(known.filter((uid) => transferSyntaxOf(uid) !== undefined && taken(uid)).sort()).toEqual(
      named.sort(),
    );
    expect(taken(explicitBigEndianUid)).toBe(false);
  });

  it("names the services that are offered, to whom, and in which transfer syntaxes", () => {
    const rows = tableUnder("| SOP class | UID | SCU | SCP |");
    const isTaken = (uid: string, offered: typeof everything): boolean =>
      "transferSyntax" in chooseContext(uid, [explicitLittleEndianUid], offered);
    let asked = 0;
    for (const [, uids, , scp, syntaxes] of rows) {
      for (const uid of uidsIn(uids!.replace(/\(.*\)/, ""))) {
        expect({ uid, taken: isTaken(uid, everything) }).toEqual({ uid, taken: true });
        const isAsked = scp !== "yes";
        if (isAsked) asked++;
        expect({ uid, taken: isTaken(uid, storageOnly) }).toEqual({ uid, taken: !isAsked });
        if (isAsked) {
          for (const syntax of uidsIn(syntaxes!))
            expect(chooseContext(uid, [syntax], everything)).toEqual({ transferSyntax: syntax });
          expect(chooseContext(uid, ["1.2.840.10008.1.2.4.70"], everything)).toEqual({ refuse: 4 });
        }
      }
    }
    expect(asked).toBe(7);
    // Modality Worklist, MPPS, printing: none.
    for (const uid of ["1.2.840.10008.5.1.4.31", "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.5.1.1.9"])
      expect(chooseContext(uid, [explicitLittleEndianUid], everything)).toEqual({ refuse: 3 });
  });

  it("names the storage classes that stand elsewhere, and those among them that store nothing", () => {
    const [, , elsewhere] = tableUnder("| SOP class | UID | SCU | SCP |");
    const named = uidsIn(elsewhere![1]!);
    const found: string[] = [];
    for (let a = 1; a <= 60; a++)
      for (let b = 1; b <= 20; b++) {
        const uid = `1.2.840.10008.5.1.4.${a}.${b}`;
        if (a !== 1 && isStorageClass(uid)) found.push(uid);
      }
    expect(found.sort()).toEqual(named.sort());
    for (const tail of ["200.4", "200.5", "200.6", "201.1.1", "201.2", "201.6"])
      expect(isStorageClass(`1.2.840.10008.5.1.4.1.1.${tail}`)).toBe(false);
  });

  it("names who we are and what TLS speaks as the code does", () => {
    expect(page).toContain(`| implementation class UID | ${implementationClassUid} |`);
    expect(page).toContain(`| implementation version name | ${implementationVersionName} |`);
    const transport = readFileSync(join(projectRoot, "src/dicom-network/dimse/transport.ts"), "utf8");
    const suites = (text: string): string[] =>
      [...new Set(text.match(/\b(TLS_[A-Z0-9_]+|ECDHE-[A-Z0-9-]+)\b/g))].sort();
    expect(suites(page)).toEqual(suites(transport));
  });
});
