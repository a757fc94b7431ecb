/** Properties of the codec of all PDUs but P-DATA. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AssociateAccept, AssociateRequest, ContextAnswer, UserInformation } from "../association.ts";
import { decodeAbort, decodeReject, encodeAbort, encodeReject } from "./pdu.ts";
import {
  decodeAssociateAccept,
  decodeAssociateRequest,
  dicomApplicationContext,
  encodeAssociateAccept,
  encodeAssociateRequest,
} from "./pdu-associate.ts";

const uid = fc.stringMatching(/^[0-9.]{1,64}$/);
const bytes = fc.uint8Array({ maxLength: 40 });
/** No property at all where there is no value. */
const user = fc.record(
  {
    maxPduBytes: fc.oneof(fc.constant(0), fc.integer({ min: 128, max: 0xffffffff })),
    implementationClassUid: uid,
    implementationVersionName: fc.stringMatching(/^([!-~]|[ -~]{0,15}[!-~])$/),
    asynchronousOperations: fc.record({ invoked: fc.nat(0xffff), performed: fc.nat(0xffff) }),
    roles: fc.uniqueArray(fc.record({ sopClassUid: uid, scu: fc.boolean(), scp: fc.boolean() }), {
      minLength: 1,
      maxLength: 4,
      selector: (role) => role.sopClassUid,
    }),
    extendedNegotiation: fc.array(fc.record({ sopClassUid: uid, information: bytes }), {
      minLength: 1,
      maxLength: 3,
    }),
    commonExtendedNegotiation: fc.array(
      fc.record({
        sopClassUid: uid,
        serviceClassUid: uid,
        relatedSopClassUids: fc.array(uid, { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    userIdentity: fc.record({
      type: fc.constantFrom(1, 2, 3, 4, 5) as fc.Arbitrary<1 | 2 | 3 | 4 | 5>,
      responseRequested: fc.boolean(),
      primary: bytes,
      secondary: bytes,
    }),
    userIdentityResponse: bytes,
  },
  { requiredKeys: ["maxPduBytes", "implementationClassUid"], noNullPrototype: true },
);
const title = fc.stringMatching(/^[!-[\]-~]([ -[\]-~]{0,14}[!-[\]-~])?$/);
const contextIds = fc.uniqueArray(
  fc.nat(127).map((n) => 2 * n + 1),
  { minLength: 1, maxLength: 128 },
);

const fullUser: UserInformation = {
  maxPduBytes: 16_384,
  implementationClassUid: "1.2.3",
  implementationVersionName: "TEST",
  asynchronousOperations: { invoked: 5, performed: 3 },
  roles: [{ sopClassUid: "1.2.3", scu: false, scp: true }],
  extendedNegotiation: [{ sopClassUid: "1.2.3", information: Uint8Array.of(2, 1) }],
  commonExtendedNegotiation: [{ sopClassUid: "1.2", serviceClassUid: "1.3", relatedSopClassUids: ["1.4"] }],
  userIdentity: { type: 2, responseRequested: true, primary: Uint8Array.of(1), secondary: Uint8Array.of(2) },
};
const someRequest = encodeAssociateRequest({
  calledAeTitle: "A",
  callingAeTitle: "B",
  applicationContext: dicomApplicationContext,
  contexts: [{ id: 1, abstractSyntax: "1.2", transferSyntaxes: ["1.3", "1.4"] }],
  user: fullUser,
});
const someAccept = encodeAssociateAccept(
  { contexts: [{ id: 1, result: 0, transferSyntax: "1.3" }], user: fullUser },
  new Uint8Array(64),
);

describe("properties", () => {
  it("decode(encode(request)) = request", () => {
    const syntaxes = fc.array(uid, { minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(
        title,
        title,
        contextIds,
        uid,
        syntaxes,
        user,
        (called, calling, ids, abstract, transfer, info) => {
          const value: AssociateRequest = {
            calledAeTitle: called,
            callingAeTitle: calling,
            applicationContext: dicomApplicationContext,
            contexts: ids.map((id) => ({ id, abstractSyntax: abstract, transferSyntaxes: transfer })),
            user: info,
          };
          const pdu = encodeAssociateRequest(value);
          const echo = pdu.slice(10, 74);
          const decoded = decodeAssociateRequest(pdu.subarray(6));
          // It is answered later: nothing of the bytes is kept.
          pdu.fill(0xa5);
          expect(decoded).toEqual({ kind: "request", request: value, echo });
        },
      ),
      { numRuns: 50 },
    );
  });

  it("decode(encode(acceptance)) = acceptance", () => {
    fc.assert(
      fc.property(contextIds, uid, fc.nat(4), user, (ids, syntax, result, info) => {
        const value: AssociateAccept = {
          contexts: ids.map((id, i) => {
            const one = ((result + i) % 5) as ContextAnswer["result"];
            return { id, result: one, transferSyntax: one === 0 ? syntax : "" };
          }),
          user: info,
        };
        expect(decodeAssociateAccept(encodeAssociateAccept(value, new Uint8Array(64)).subarray(6))).toEqual(
          value,
        );
      }),
      { numRuns: 50 },
    );
  });

  it("decode(encode(reject, abort)) = reject, abort", () => {
    const result = fc.constantFrom<1 | 2>(1, 2);
    const source = fc.constantFrom<1 | 2 | 3>(1, 2, 3);
    fc.assert(
      fc.property(fc.record({ result, source, reason: fc.nat(255) }), (reject) => {
        expect(decodeReject(encodeReject(reject).subarray(6))).toEqual(reject);
      }),
    );
    fc.assert(
      fc.property(fc.record({ source: fc.constantFrom<0 | 2>(0, 2), reason: fc.nat(255) }), (abort) => {
        expect(decodeAbort(encodeAbort(abort).subarray(6))).toEqual(abort);
      }),
    );
  });

  it("garbage, truncated and mutated bodies yield only ScansealError peer-protocol", () => {
    const base = fc.constantFrom(someRequest.subarray(6), someAccept.subarray(6));
    const change = fc.tuple(fc.nat(500), fc.nat(255));
    const mutated = fc
      .tuple(base, fc.array(change, { maxLength: 4 }), fc.nat(500))
      .map(([body, changes, length]) => {
        const out = body.slice();
        for (const [at, value] of changes) out[at % out.length] = value;
        return length % 3 === 0 ? out.subarray(0, length) : out;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated), (body) => {
        for (const decode of [decodeAssociateRequest, decodeAssociateAccept, decodeReject, decodeAbort])
          expect(["peer-protocol", undefined]).toContain(codeOf(() => decode(body)));
      }),
      { numRuns: 3_000 },
    );
  });
});

/** The code of the ScansealError thrown; undefined for none; other errors pass. */
function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ScansealError) return error.code;
    throw error;
  }
}
