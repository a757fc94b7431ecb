import fc from "fast-check";
import { expect, it } from "vitest";
import { concatBytes, fromLatin1 } from "../foundation/bytes.ts";
import { encodeMeta, encodePart10, textElement } from "./encode.ts";
import { metaEndOf, metaNamesOf } from "./meta-end.ts";
import { tags } from "./tags.ts";
import { explicitLittleEndianUid } from "./transfer-syntax.ts";

const uid = fromLatin1("2.25.1");
const meta = encodeMeta(uid, uid, explicitLittleEndianUid);
const file = encodePart10(
  [textElement(tags.sopClassUid, "UI", "2.25.1"), textElement(tags.sopInstanceUid, "UI", "2.25.1")],
  explicitLittleEndianUid,
);

it("finds where the data set begins, whatever the group's length says", () => {
  expect(metaEndOf(file)).toBe(meta.length);
  const lying = file.slice();
  lying[140] = 1;
  expect(metaEndOf(lying)).toBe(meta.length);
});

it("takes from the group what it says once", () => {
  expect(metaNamesOf(file)).toEqual({
    ...{ sopClassUid: "2.25.1", sopInstanceUid: "2.25.1" },
    transferSyntaxUid: explicitLittleEndianUid,
  });
  const again = encodeMeta(uid, uid, "1.2.840.10008.1.2.2").subarray(132);
  expect(metaNamesOf(concatBytes([meta, again, file.subarray(meta.length)]))).toEqual({});
});

it("answers any bytes, and finds no end that is not there", () => {
  expect(metaEndOf(meta)).toBeUndefined();
  expect(metaEndOf(file.subarray(1))).toBeUndefined();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(400), (bytes, at) => {
      const changed = file.slice(0, Math.min(file.length, at + bytes.length));
      changed.set(bytes.subarray(0, Math.max(0, changed.length - at)), Math.min(at, changed.length));
      const end = metaEndOf(changed);
      expect(end === undefined || (end >= 132 && end <= changed.length)).toBe(true);
    }),
  );
});
