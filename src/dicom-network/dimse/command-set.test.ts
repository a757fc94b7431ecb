import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWellFormedUid } from "../../dicom/uid.ts";
import { type Bytes, concatBytes, fromHex, toHex, u32le } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { type CommandSet, decodeCommandSet, encodeCommandSet } from "./command-set.ts";

/** PS3.7 table 9.3-12, written by hand. */
const echoRequest = fromHex(
  [
    "00000000 04000000 38000000",
    // 1.2.840.10008.1.1 and a NUL
    "00000200 12000000 312e322e3834302e31303030382e312e3100",
    "00000001 02000000 3000",
    "00001001 02000000 0700",
    "00000008 02000000 0101",
  ]
    .join("")
    .replaceAll(" ", ""),
);

/** PS3.7 table 9.3-2. */
const storeResponse = fromHex(
  [
    "00000000 04000000 4e000000",
    "00000200 04000000 312e3200",
    "00000001 02000000 0180",
    "00002001 02000000 ff01",
    "00000008 02000000 0101",
    "00000009 02000000 00a7",
    // "full"
    "00000209 04000000 66756c6c",
    "00000010 06000000 312e322e3334",
  ]
    .join("")
    .replaceAll(" ", ""),
);

function element(number: number, value: Bytes, length = value.length): Bytes {
  return concatBytes([Uint8Array.of(0, 0, number & 255, number >>> 8), u32le(length), value]);
}

function command(...elements: readonly Bytes[]): Bytes {
  const rest = concatBytes(elements);
  return concatBytes([element(0, u32le(rest.length)), rest]);
}

const short = (n: number): Bytes => Uint8Array.of(n & 255, n >>> 8);
const field = element(0x100, short(1));
const noDataSet = element(0x800, short(0x0101));

function refused(bytes: Bytes): string {
  try {
    decodeCommandSet(bytes);
  } catch (error) {
    expect(error).toMatchObject({ code: "peer-protocol" });
    return (error as ScansealError).message;
  }
  throw new Error("it was taken");
}

describe("command set", () => {
  it("C-ECHO-RQ and C-STORE-RSP have the bytes of the standard", () => {
    const echo: CommandSet = {
      field: 0x0030,
      hasDataSet: false,
      messageId: 7,
      sopClassUid: "1.2.840.10008.1.1",
    };
    expect(toHex(encodeCommandSet(echo))).toBe(toHex(echoRequest));
    expect(decodeCommandSet(echoRequest)).toEqual(echo);
    const store: CommandSet = {
      field: 0x8001,
      hasDataSet: false,
      respondedTo: 511,
      status: 0xa700,
      errorComment: "full",
      sopClassUid: "1.2",
      sopInstanceUid: "1.2.34",
    };
    expect(toHex(encodeCommandSet(store))).toBe(toHex(storeResponse));
    expect(decodeCommandSet(storeResponse)).toEqual(store);
  });

  it("decodes what it encoded", () => {
    const short = fc.integer({ min: 0, max: 0xffff });
    const uid = fc
      .array(fc.integer({ min: 0, max: 99_999 }), { minLength: 1, maxLength: 10 })
      .map((parts) => parts.join("."));
    const comment = fc
      .string({ unit: fc.constantFrom(..."abcXYZ 0123!~[]"), maxLength: 64 })
      .map((text) => text.trimEnd());
    const title = fc.stringMatching(/^[A-Z0-9_]{1,16}$/);
    const any = fc.record(
      {
        field: short,
        hasDataSet: fc.boolean(),
        messageId: short,
        respondedTo: short,
        priority: short,
        status: short,
        errorComment: comment,
        sopClassUid: uid,
        sopInstanceUid: uid,
        requestedSopClassUid: uid,
        requestedSopInstanceUid: uid,
        moveDestination: title,
        eventTypeId: short,
        actionTypeId: short,
        remaining: short,
        completed: short,
        failed: short,
        warning: short,
        moveOriginatorAeTitle: title,
        moveOriginatorMessageId: short,
      },
      { requiredKeys: ["field", "hasDataSet"] },
    );
    fc.assert(fc.property(any, (one) => void expect(decodeCommandSet(encodeCommandSet(one))).toEqual(one)));
  });

  it("makes a comment fit its VR", () => {
    const written = decodeCommandSet(
      encodeCommandSet({ field: 1, hasDataSet: false, errorComment: `a\\b\n${"c".repeat(90)}` }),
    );
    expect(written.errorComment).toBe(`a?b?${"c".repeat(60)}`);
  });

  it("takes any data set type but 0101 for a data set, and passes over other elements", () => {
    expect(decodeCommandSet(command(field, element(0x800, short(0))))).toMatchObject({ hasDataSet: true });
    const errorId = element(0x0903, short(7));
    expect(decodeCommandSet(command(field, noDataSet, errorId))).toEqual({ field: 1, hasDataSet: false });
  });

  it.each([
    ["no group length", concatBytes([field, noDataSet]), /no group length/],
    ["nothing", new Uint8Array(0), /no command field/],
    ["a wrong group length", concatBytes([element(0, u32le(9)), field, noDataSet]), /wrong group length/],
    ["a short group length", concatBytes([element(0, short(20)), field, noDataSet]), /wrong group length/],
    ["an element twice", command(field, field, noDataSet), /twice/],
    ["the wrong order", command(noDataSet, field), /order/],
    ["another group", command(Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 0)), /another group/],
    ["an odd length", command(field, element(0x110, Uint8Array.of(1)), noDataSet), /odd/],
    ["a number of 4 bytes", command(element(0x100, u32le(1)), noDataSet), /number of 4/],
    ["a length beyond the end", command(field, element(0x800, short(1), 4)), /exceeds/],
    ["a length of 4 GiB", command(field, element(0x800, short(1), 0xffff_fffe)), /exceeds/],
    ["half a header", concatBytes([command(field, noDataSet), short(0)]), /group length|cut short/],
    ["no command field", command(noDataSet), /no command field/],
    ["no data set type", command(field), /no data set type/],
    ["over 16 KiB", command(field, noDataSet, element(0x5000, new Uint8Array(16_384))), /bytes/],
  ])("refuses %s", (_, bytes, message) => expect(refused(bytes)).toMatch(message));

  it("garbage gives our error and nothing else", () => {
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      // One byte changed, the rest as it should be.
      fc.tuple(fc.nat(storeResponse.length - 1), fc.nat(255)).map(([at, byte]) => {
        const bytes = storeResponse.slice();
        bytes[at] = byte;
        return bytes;
      }),
    );
    fc.assert(
      fc.property(garbage, (bytes) => {
        try {
          const { field, hasDataSet } = decodeCommandSet(bytes);
          expect([typeof field, typeof hasDataSet]).toEqual(["number", "boolean"]);
        } catch (error) {
          expect(error).toBeInstanceOf(ScansealError);
          expect((error as ScansealError).code).toBe("peer-protocol");
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

it("UIDs are digits and single dots, 64 characters at most", () => {
  const good = ["1.2.840.10008.1.1", "2.25.0123", "0", "1".repeat(64)];
  const bad = ["", ".", "..", "1..2", "1.2.", ".1", "../etc", "1.2 ", "1.2\n", "1.a", "1".repeat(65)];
  expect(good.filter((uid) => !isWellFormedUid(uid))).toEqual([]);
  expect(bad.filter(isWellFormedUid)).toEqual([]);
});
