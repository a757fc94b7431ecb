/** PDUs written out by hand from the tables of PS3.8 9.3 and PS3.7 D.3.3. */
import { describe, expect, it } from "vitest";
import { wire } from "../../../../test/dicom-network/raw-peer.ts";
import { concatBytes } from "../../../foundation/bytes.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import type { AssociateAccept, AssociateRequest, ContextAnswer } from "../association.ts";
import { decodeAbort, decodeReject, encodeAbort, encodeReject, encodeRelease, pduType } from "./pdu.ts";
import {
  acceptFault,
  decodeAssociateAccept,
  decodeAssociateRequest,
  dicomApplicationContext,
  encodeAssociateAccept,
  encodeAssociateRequest,
} from "./pdu-associate.ts";

const ct = "1.2.840.10008.5.1.4.1.1.2";

const goldenRequest = wire(`
  01 00 00000190                // A-ASSOCIATE-RQ, length 68 + 25 + 58 + 75 + 174
  0001 0000                     // version 1, reserved
  'ARCHIVE         '            // called
  'CT1             '            // calling
  0000000000000000000000000000000000000000000000000000000000000000
  10 00 0015 '1.2.840.10008.3.1.1.1'
  20 00 0036                    // presentation context
    01 00 00 00                 // id 1
    30 00 0019 '1.2.840.10008.5.1.4.1.1.2'
    40 00 0011 '1.2.840.10008.1.2'
  20 00 0047
    03 00 00 00                 // id 3
    30 00 0011 '1.2.840.10008.1.1'
    40 00 0011 '1.2.840.10008.1.2'
    40 00 0015 '1.2.840.10008.1.2.4.8'
  50 00 00aa                    // user information
    51 00 0004 00020000         // 131072
    52 00 0005 '1.2.3'
    53 00 0004 0005 0003        // 5 invoked, 3 performed
    54 00 001d 0019 '1.2.840.10008.5.1.4.1.1.2' 00 01   // SCP only
    55 00 0004 'TEST'
    56 00 001d 0019 '1.2.840.10008.5.1.4.1.1.2' 02 01
    57 00 002f                  // common extended negotiation
      0019 '1.2.840.10008.5.1.4.1.1.2'
      0007 '1.2.3.4'
      0009 0007 '1.2.3.5'
      // no reserved bytes follow
    58 00 0010 02 01 0004 'user' 0006 'secret'
`);

const request: AssociateRequest = {
  calledAeTitle: "ARCHIVE",
  callingAeTitle: "CT1",
  applicationContext: dicomApplicationContext,
  contexts: [
    { id: 1, abstractSyntax: ct, transferSyntaxes: ["1.2.840.10008.1.2"] },
    {
      id: 3,
      abstractSyntax: "1.2.840.10008.1.1",
      transferSyntaxes: ["1.2.840.10008.1.2", "1.2.840.10008.1.2.4.8"],
    },
  ],
  user: {
    maxPduBytes: 131_072,
    implementationClassUid: "1.2.3",
    implementationVersionName: "TEST",
    asynchronousOperations: { invoked: 5, performed: 3 },
    roles: [{ sopClassUid: ct, scu: false, scp: true }],
    extendedNegotiation: [{ sopClassUid: ct, information: Uint8Array.of(2, 1) }],
    commonExtendedNegotiation: [
      { sopClassUid: ct, serviceClassUid: "1.2.3.4", relatedSopClassUids: ["1.2.3.5"] },
    ],
    userIdentity: { type: 2, responseRequested: true, primary: wire("'user'"), secondary: wire("'secret'") },
  },
};

const goldenAccept = wire(`
  02 00 000000b7                // A-ASSOCIATE-AC, length 68 + 25 + 29 + 29 + 32
  0001 0000
  'ARCHIVE         CT1             '
  0000000000000000000000000000000000000000000000000000000000000000
  10 00 0015 '1.2.840.10008.3.1.1.1'
  21 00 0019 01 00 00 00 40 00 0011 '1.2.840.10008.1.2'
  21 00 0019 03 00 03 00 40 00 0011 '1.2.840.10008.1.2'   // refused: abstract syntax
  50 00 001c
    51 00 0004 00004000
    52 00 0005 '1.2.3'
    59 00 0007 0005 'token'
`);

const accept: AssociateAccept = {
  contexts: [
    { id: 1, result: 0, transferSyntax: "1.2.840.10008.1.2" },
    { id: 3, result: 3, transferSyntax: "" },
  ],
  user: { maxPduBytes: 16_384, implementationClassUid: "1.2.3", userIdentityResponse: wire("'token'") },
};

describe("PDUs by hand", () => {
  it("A-ASSOCIATE-RQ", () => {
    expect(encodeAssociateRequest(request)).toEqual(goldenRequest);
    expect(decodeAssociateRequest(goldenRequest.subarray(6))).toEqual({
      kind: "request",
      request,
      echo: goldenRequest.slice(10, 74),
    });
  });

  it("A-ASSOCIATE-AC returns the titles and reserved bytes of the request", () => {
    expect(encodeAssociateAccept(accept, goldenRequest.subarray(10, 74))).toEqual(goldenAccept);
    expect(decodeAssociateAccept(goldenAccept.subarray(6))).toEqual(accept);
  });

  it("A-ASSOCIATE-RJ, A-RELEASE, A-ABORT", () => {
    const reject = { result: 2, source: 3, reason: 1 } as const;
    expect(encodeReject(reject)).toEqual(wire("03 00 00000004 00 02 03 01"));
    expect(decodeReject(wire("00 02 03 01"))).toEqual(reject);
    expect(encodeRelease(pduType.releaseRequest)).toEqual(wire("05 00 00000004 00000000"));
    expect(encodeRelease(pduType.releaseResponse)).toEqual(wire("06 00 00000004 00000000"));
    const abort = { source: 2, reason: 6 } as const;
    expect(encodeAbort(abort)).toEqual(wire("07 00 00000004 00 00 02 06"));
    expect(decodeAbort(wire("00 00 02 06"))).toEqual(abort);
    // An abort of the reserved source 1 is still one.
    expect(decodeAbort(wire("00 00 01 02"))).toEqual({ source: 0, reason: 2 });
  });

  it("unknown items are skipped on every level", () => {
    const context = wire(
      "20 00 0034 01 00 ff 00 3f 00 0001 00  30 00 0011 '1.2.840.10008.1.1' 40 00 0011 '1.2.840.10008.1.2'",
    );
    context[3] = context.length - 4;
    const body = requestBody(
      wire("77 00 0002 abcd"),
      context,
      wire("50 00 000e 51 00 0004 00004000 5f 00 0002 ffff"),
    );
    expect(decodeAssociateRequest(body)).toMatchObject({
      kind: "request",
      request: { contexts: [{ id: 1 }], user: { maxPduBytes: 16_384 } },
    });
  });
});

/** A body with the fixed fields, the application context, and the items given. */
function requestBody(...items: readonly Uint8Array[]): Uint8Array {
  return concatBytes([goldenRequest.subarray(6, 74), wire("10 00 0015 '1.2.840.10008.3.1.1.1'"), ...items]);
}

const someContext = wire(
  "20 00 002e 01 00 00 00 30 00 0011 '1.2.840.10008.1.1' 40 00 0011 '1.2.840.10008.1.2'",
);
const someUser = wire("50 00 0008 51 00 0004 00004000");

function withId(id: number): Uint8Array {
  const context = someContext.slice();
  context[4] = id;
  return context;
}

describe("requests that break the standard", () => {
  it("the base of these tests is sound", () => {
    expect(decodeAssociateRequest(requestBody(someContext, someUser)).kind).toBe("request");
  });

  it.each<[string, Uint8Array]>([
    ["no context", requestBody(someUser)],
    ["no user information", requestBody(someContext)],
    ["two user information items", requestBody(someContext, someUser, someUser)],
    ["two application contexts", requestBody(wire("10 00 0001 '1'"), someContext, someUser)],
    ["duplicate context", requestBody(someContext, someContext, someUser)],
    [
      "300 contexts",
      requestBody(...Array.from({ length: 300 }, (_, i) => withId((2 * i + 1) & 255)), someUser),
    ],
    ["even id", requestBody(withId(2), someUser)],
    ["id 0", requestBody(withId(0), someUser)],
    [
      "no transfer syntax",
      requestBody(wire("20 00 0019 01 00 00 00 30 00 0011 '1.2.840.10008.1.1'"), someUser),
    ],
    [
      "no abstract syntax",
      requestBody(wire("20 00 0019 01 00 00 00 40 00 0011 '1.2.840.10008.1.2'"), someUser),
    ],
    [
      "two abstract syntaxes",
      requestBody(wire("20 00 0013 01 00 00 00 30 00 0001 '1' 30 00 0001 '2' 40 00 0001 '1'"), someUser),
    ],
    [
      "path for a UID",
      requestBody(wire("20 00 0012 01 00 00 00 30 00 0005 '../..' 40 00 0001 '1'"), someUser),
    ],
    [
      "NUL in a UID",
      requestBody(wire("20 00 0010 01 00 00 00 30 00 0003 '1' 00 '2' 40 00 0001 '1'"), someUser),
    ],
    ["two NULs", requestBody(wire("20 00 0010 01 00 00 00 30 00 0003 '1' 0000 40 00 0001 '1'"), someUser)],
    ["a NUL alone", requestBody(wire("20 00 000e 01 00 00 00 30 00 0001 00 40 00 0001 '1'"), someUser)],
    [
      "blank after a UID",
      requestBody(wire("20 00 000f 01 00 00 00 30 00 0002 '1 ' 40 00 0001 '1'"), someUser),
    ],
    ["empty UID", requestBody(wire("20 00 000d 01 00 00 00 30 00 0000 40 00 0001 '1'"), someUser)],
    ["item beyond the PDU", requestBody(someContext, wire("50 00 0009 51 00 0004 00004000"))],
    ["item header cut", requestBody(someContext, someUser, wire("50 00 00"))],
    ["sub-item beyond its item", requestBody(someContext, wire("50 00 0008 51 00 0005 00004000"))],
    ["sub-item longer than its fields", requestBody(someContext, wire("50 00 0009 51 00 0005 0000400000"))],
    [
      "maximum length twice",
      requestBody(someContext, wire("50 00 0010 51 00 0004 00004000 51 00 0004 00004000")),
    ],
    ["role neither 0 nor 1", requestBody(someContext, wire("50 00 0009 54 00 0005 0001 '1' 02 00"))],
    [
      "two roles of a class",
      requestBody(someContext, wire("50 00 0012 54 00 0005 0001 '1' 01 00 54 00 0005 0001 '1' 00 01")),
    ],
    ["user identity of type 6", requestBody(someContext, wire("50 00 000a 58 00 0006 06 00 0000 0000"))],
    [
      "control character in the version name",
      requestBody(someContext, wire("50 00 0007 55 00 0003 '1' 0d 'x'")),
    ],
    ["fixed fields cut", goldenRequest.slice(6, 60)],
  ])("%s: peer-protocol", (_, body) => {
    expect(codeOf(() => decodeAssociateRequest(body))).toBe("peer-protocol");
  });

  it("takes one role of a class that is said twice, as DCMTK does for two contexts of it", () => {
    const twice = requestBody(
      someContext,
      wire("50 00 0012 54 00 0005 0001 '1' 00 01 54 00 0005 0001 '1' 00 01"),
    );
    const decoded = decodeAssociateRequest(twice);
    expect(decoded).toMatchObject({
      request: { user: { roles: [{ sopClassUid: "1", scu: false, scp: true }] } },
    });
  });

  const refusals: [string, (body: Uint8Array) => void, object][] = [
    ["protocol version 2", (body) => body.set([0, 2], 0), { result: 1, source: 2, reason: 2 }],
    ["another application context", (body) => body.set([0x39], 72), { result: 1, source: 1, reason: 2 }],
    ["called AE title blank", (body) => body.fill(0x20, 4, 20), { result: 1, source: 1, reason: 7 }],
    ["calling AE title blank", (body) => body.fill(0x20, 20, 36), { result: 1, source: 1, reason: 3 }],
    ["CRLF in the calling AE title", (body) => body.set([13, 10], 21), { result: 1, source: 1, reason: 3 }],
    ["backslash in the called AE title", (body) => body.set([0x5c], 5), { result: 1, source: 1, reason: 7 }],
    [
      "8-bit character in the called AE title",
      (body) => body.set([0xe9], 5),
      { result: 1, source: 1, reason: 7 },
    ],
    [
      "maximum PDU of 1",
      (body) => body.set([0, 0, 0, 1], body.length - 4),
      { result: 1, source: 3, reason: 2 },
    ],
  ];
  it.each(refusals)("%s: rejected", (_, spoil, reject) => {
    const body = requestBody(someContext, someUser);
    spoil(body);
    expect(decodeAssociateRequest(body)).toMatchObject({ kind: "refused", reject });
  });

  it("65 transfer syntaxes: rejected as a local limit; 64 are taken", () => {
    const body = (n: number) => {
      const context = concatBytes([
        wire("20 00 0000 01 00 00 00 30 00 0001 '1'"),
        ...Array.from({ length: n }, () => wire("40 00 0001 '1'")),
      ]);
      new DataView(context.buffer).setUint16(2, context.length - 4);
      return requestBody(context, someUser);
    };
    expect(decodeAssociateRequest(body(64)).kind).toBe("request");
    expect(decodeAssociateRequest(body(65))).toMatchObject({ reject: { result: 1, source: 3, reason: 2 } });
  });

  it("one NUL after a UID is a pad of old devices: taken, and not part of the UID", () => {
    const padded = concatBytes([
      goldenRequest.subarray(6, 74),
      wire("10 00 0016 '1.2.840.10008.3.1.1.1' 00"),
      wire("20 00 0030 01 00 00 00 30 00 0012 '1.2.840.10008.1.1' 00 40 00 0012 '1.2.840.10008.1.2' 00"),
      wire("50 00 000e 51 00 0004 00004000 52 00 0002 '1' 00"),
    ]);
    expect(decodeAssociateRequest(padded)).toMatchObject({
      kind: "request",
      request: {
        applicationContext: "1.2.840.10008.3.1.1.1",
        contexts: [{ abstractSyntax: "1.2.840.10008.1.1", transferSyntaxes: ["1.2.840.10008.1.2"] }],
        user: { implementationClassUid: "1" },
      },
    });
  });

  it("the version alone decides over another version's PDU", () => {
    expect(decodeAssociateRequest(wire("0002 0000 ffff"))).toMatchObject({ kind: "refused" });
  });
});

describe("acceptances", () => {
  it.each<[string, readonly ContextAnswer[]]>([
    ["a context not proposed", [{ id: 5, result: 0, transferSyntax: "1.2.840.10008.1.2" }]],
    ["a second answer", [accept.contexts[1]!, accept.contexts[1]!]],
    ["a transfer syntax not proposed", [{ id: 1, result: 0, transferSyntax: "1.2.840.10008.1.2.5" }]],
  ])("%s", (_, contexts) => {
    expect(acceptFault({ ...accept, contexts }, request)).toBeDefined();
    expect(acceptFault(accept, request)).toBeUndefined();
  });

  it.each<[string, string]>([
    ["result 5", "21 00 0019 01 00 05 00 40 00 0011 '1.2.840.10008.1.2'"],
    ["accepted without a transfer syntax", "21 00 0004 01 00 00 00"],
    ["accepted with two", "21 00 000e 01 00 00 00 40 00 0001 '1' 40 00 0001 '1'"],
    ["cut", "21 00 0002 01 00"],
  ])("%s: peer-protocol", (_, item) => {
    expect(codeOf(() => decodeAssociateAccept(requestBody(wire(item), someUser)))).toBe("peer-protocol");
  });

  it("a refused context needs no transfer syntax", () => {
    const body = requestBody(wire("21 00 0004 01 00 03 00"), someUser);
    expect(decodeAssociateAccept(body).contexts).toEqual([{ id: 1, result: 3, transferSyntax: "" }]);
  });
});

describe("what we must not send is refused", () => {
  it.each<[string, Partial<AssociateRequest>]>([
    ["AE title of 17 characters", { calledAeTitle: "A".repeat(17) }],
    ["blank AE title", { callingAeTitle: " " }],
    ["even id", { contexts: [{ ...request.contexts[0]!, id: 2 }] }],
    ["no context", { contexts: [] }],
    ["no UID", { contexts: [{ ...request.contexts[0]!, abstractSyntax: "CT" }] }],
    [
      "version name of 17 characters",
      { user: { ...request.user, implementationVersionName: "A".repeat(17) } },
    ],
    ["negative maximum", { user: { ...request.user, maxPduBytes: -1 } }],
  ])("%s", (_, part) => {
    expect(codeOf(() => encodeAssociateRequest({ ...request, ...part }))).toBe("usage");
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
