/** HL7 messages: what ADT and ORM say is read as they say it, and garbage yields only our error. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, fromLatin1, utf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { hl7Correction } from "./hl7-correction.ts";
import { Hl7Message, messageBytesMax } from "./hl7-message.ts";

const header = (kind: string, set = ""): string =>
  `MSH|^~\\&|RIS|HOSP|||20260131||${kind}|1|P|2.5.1||||||${set}`;
const text = (...lines: string[]): Bytes => fromLatin1(`${lines.join("\r")}\r`);
const valuesOf = (bytes: Bytes): Record<string, string> =>
  Object.fromEntries([...hl7Correction(bytes).values].map(([tag, value]) => [tag.toString(16), value]));

describe("an HL7 message", () => {
  it("ADT^A08: name, birth date, sex, and whom it is about", () => {
    const message = text(
      header("ADT^A08^ADT_A01"),
      "PID|1||4711^^^HOSP&1.2.3&ISO^MR~99^^^OTHER||Muster&von^Anna^B^Jr^Dr||19700102030405|F",
    );
    expect(hl7Correction(message)).toMatchObject({
      basis: "adt-a08",
      approvedBy: ["RIS@HOSP"],
      patient: { id: "4711", issuer: "HOSP" },
    });
    // Suffix and prefix change places between HL7 and DICOM.
    expect(valuesOf(message)).toEqual({
      "100010": "Muster^Anna^B^Dr^Jr",
      "100030": "19700102",
      "100040": "F",
    });
  });

  it("empty fields say nothing, quotes say that there is no value", () => {
    expect(valuesOf(text(header("ADT^A08"), 'PID|1||4711||||""|U'))).toEqual({ "100030": "", "100040": "" });
  });

  it("escapes are undone; those that are not known are refused", () => {
    const named = (name: string): Bytes => text(header("ADT^A08"), `PID|1||4711||${name}`);
    expect(valuesOf(named("O\\T\\Brien \\F\\ Son\\R\\^A"))["100010"]).toBe("O&Brien | Son~^A");
  });

  it.each([
    ["another delimiter", "MSH#*~!&#RIS#HOSP###20260131##ADT*A08#1#P#2.5\rPID#1##4711##Muster*Anna"],
    ["lines of a text file", `${header("ADT^A08")}\nPID|1||4711||Muster^Anna\n`],
    ["lines of another", `${header("ADT^A08")}\r\nPID|1||4711||Muster^Anna\r\n`],
    ["the frame of MLLP", `\u000b${header("ADT^A08")}\rPID|1||4711||Muster^Anna\r\u001c\r`],
  ])("with %s", (_, message) => {
    expect(valuesOf(fromLatin1(message))["100010"]).toBe("Muster^Anna");
  });

  it("in UTF-8 and Latin-1, where it says so", () => {
    const line = "PID|1||4711||M\u00fcller^Anna";
    expect(valuesOf(utf8(`${header("ADT^A08", "UNICODE UTF-8")}\r${line}`))["100010"]).toBe(
      "M\u00fcller^Anna",
    );
    expect(valuesOf(fromLatin1(`${header("ADT^A08", "8859/1")}\r${line}`))["100010"]).toBe(
      "M\u00fcller^Anna",
    );
    expect(() => valuesOf(fromLatin1(`${header("ADT^A08")}\r${line}`))).toThrow(/not ASCII/);
    expect(() => valuesOf(fromLatin1(`${header("ADT^A08", "8859/5")}\r${line}`))).toThrow(/MSH-18/);
  });

  it("ADT^A40: the patient that was, and what he becomes", () => {
    const message = text(header("ADT^A40"), "PID|1||NEW^^^B||Neu", "MRG|OLD^^^A");
    expect(hl7Correction(message)).toMatchObject({ basis: "adt-a40", patient: { id: "OLD", issuer: "A" } });
    expect(valuesOf(message)).toEqual({ "100010": "Neu", "100020": "NEW", "100021": "B" });
  });

  it("ORM^O01: accession number by OBR-18, else the filler's; study by ZDS", () => {
    const order = (obr: string, ...more: string[]): Bytes =>
      text(header("ORM^O01"), "PID|1||4711", "ORC|XO|P1|F1", obr, ...more);
    const iheOrder = order(`OBR|1|P1|F2${"|".repeat(15)}A9|RP1`, "ZDS|1.2.3^^^DICOM");
    expect(hl7Correction(iheOrder)).toMatchObject({ basis: "orm", studies: ["1.2.3"] });
    expect(valuesOf(iheOrder)).toEqual({ "80050": "A9", "401001": "RP1" });
    expect([...hl7Correction(order("OBR|1|P1|F2"), ["1.2.3"]).values.values()]).toEqual(["F2"]);
    expect(() => hl7Correction(order("OBR|1|P1|F2"))).toThrow(/names no study/);
    expect(() => hl7Correction(order("OBR|1", "ZDS|1.2.3"), ["1.2.4"])).toThrow(/another study/);
  });

  it.each<[string, string[]]>([
    ["another kind", [header("ADT^A01"), "PID|1||4711"]],
    ["nobody", [header("ADT^A08"), "PID|1||"]],
    ["two patients", [header("ADT^A08"), "PID|1||1", "PID|1||2"]],
    ["two numbers of one authority", [header("ADT^A08"), "PID|1||1^^^A~2^^^A"]],
    ["a merge of two into one", [header("ADT^A40"), "PID|1||1", "MRG|2", "MRG|3"]],
    ["a merge into itself", [header("ADT^A40"), "PID|1||1", "MRG|1"]],
    ["a day that is none", [header("ADT^A08"), "PID|1||1||||soon"]],
    ["a sex that is none", [header("ADT^A08"), "PID|1||1|||||X"]],
    ["a number of 65 characters", [header("ADT^A40"), `PID|1||${"9".repeat(65)}`, "MRG|1"]],
    ["a caret in a name", [header("ADT^A08"), "PID|1||1||A\\S\\B"]],
    ["a backslash in a name", [header("ADT^A08"), "PID|1||1||A\\E\\B"]],
    ["an escape without an end", [header("ADT^A08"), "PID|1||1||A\\S"]],
    ["a character by number", [header("ADT^A08"), "PID|1||1||\\X41\\"]],
    ["two messages", [header("ADT^A08"), "PID|1||1", header("ADT^A08"), "PID|1||2"]],
    ["a batch", ["BHS|^~\\&", header("ADT^A08"), "PID|1||1"]],
    ["a segment without a name", [header("ADT^A08"), "PID|1||1", "|x"]],
    ["equal delimiters", ["MSH|^^\\&|RIS", "PID|1||1"]],
    ["no delimiters", ["MSH|", "PID|1||1"]],
    ["a control character", [header("ADT^A08"), "PID|1||1||A\u0007"]],
    ["600 segments", [header("ADT^A08"), "PID|1||1", ...new Array<string>(600).fill("NTE|1")]],
    ["300 fields", [header("ADT^A08"), `PID|1||1${"|".repeat(300)}`]],
    ["more than 256 KiB", [header("ADT^A08"), `PID|1||1||${"A".repeat(messageBytesMax)}`]],
  ])("of %s is refused, without what stands in it", (_, lines) => {
    const read = (): unknown => hl7Correction(text(...lines));
    expect(read).toThrow(ScansealError);
    expect(read).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("garbage yields our error or a reading, within bounds", () => {
    const start = fromLatin1("MSH|^~\\&|R|H|||1||ADT^A08|1|P|2.5\rPID|1||4711||M^A");
    const edits = fc
      .array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
      .map((list) => {
        const bytes = start.slice();
        for (const [at, value] of list) bytes[at] = value;
        return bytes;
      });
    const tail = fc.uint8Array({ maxLength: 400 }).map((bytes) => concatBytes([start, bytes]));
    fc.assert(
      fc.property(fc.oneof(edits, tail, fc.uint8Array({ maxLength: 300 })), (bytes) => {
        try {
          hl7Correction(bytes);
          Hl7Message.parse(bytes).text("PID", 5, 2);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          expect(error).toMatchObject({ code: "usage" });
        }
      }),
      { numRuns: 3000 },
    );
  });
});
