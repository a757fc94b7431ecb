/** OCSP responses: what is believed, and the step that refuses each kind of bad one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import {
  der,
  derGeneralizedTime,
  derInteger,
  derNamedBits,
  derNull,
  derOctets,
  derSequence,
  derTime,
} from "../../src/keys/custody/der-writer.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { IssuerSignatures } from "../../src/keys/trust/issuer-signature.ts";
import { checkOcspResponse, type OcspFact, type OcspRefusal } from "../../src/keys/trust/ocsp.ts";
import { readOcspResponse } from "../../src/keys/trust/ocsp-response.ts";
import { parseCrl } from "../../src/keys/trust/revocation.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { buildList, emptyList, invalidityDate } from "./crl-cases.ts";
import {
  build,
  type CertificateSpec,
  commonName,
  day,
  extension,
  flipped,
  goodChain,
  judgedAt,
  keyOf,
  oids,
  purposes,
  setExtension,
} from "./forged-chains.ts";
import {
  buildResponse,
  byKey,
  byName,
  delegated,
  delegateOf,
  errorResponse,
  good,
  goodResponse,
  nested,
  nonceExtension,
  ocspOids,
  type ResponseSpec,
  revokedAt,
  unknown,
} from "./forged-ocsp.ts";

const [device, root] = goodChain("P-256", 2) as [CertificateSpec, CertificateSpec];
// It ends before its authority does.
device.notAfter = derTime(judgedAt + 100 * day);
const nonce = new Uint8Array(32).fill(7);

interface Setting {
  response: ResponseSpec;
  delegate: CertificateSpec;
}

interface Asked {
  readonly crls?: readonly Bytes[];
  readonly isAsked?: boolean;
  readonly now?: number;
}

function judge(
  bytes: Bytes,
  { crls = [], isAsked = false, now = judgedAt }: Asked = {},
): Promise<OcspFact | OcspRefusal> {
  const question = {
    certificate: certificates.device,
    authorities: [certificates.root] as const,
    now,
    request: isAsked ? { nonce } : undefined,
    crls: crls.map((one) => parseCrl(one, nodeCrypto)),
    signatures: new IssuerSignatures(nodeCrypto),
  };
  return checkOcspResponse(bytes, question, nodeCrypto);
}

/** One encoding of each: an ECDSA signature differs each time. */
const certificates = {
  device: parseCertificate(build(device), nodeCrypto),
  root: parseCertificate(build(root), nodeCrypto),
};

function changed(change: (setting: Setting) => void): Bytes {
  const setting = { response: goodResponse(device, root), delegate: delegateOf(root) };
  change(setting);
  return buildResponse(setting.response);
}

/** By the delegate, after what is changed of it. */
function byDelegate(change: (delegate: CertificateSpec) => void): Bytes {
  const delegate = delegateOf(root);
  change(delegate);
  return buildResponse(delegated(goodResponse(device, root), delegate));
}

async function outcome(bytes: Bytes, asked?: Asked): Promise<string> {
  const result = await judge(bytes, asked);
  return result.ok ? result.status : result.step;
}

const first = ({ response }: Setting): ResponseSpec["answers"][number] => response.answers[0]!;
const at = (ms: number): Bytes => derGeneralizedTime(judgedAt + ms);
const strange = (isCritical: boolean): ReturnType<typeof extension> =>
  extension("1.2.3.4", isCritical, derNull());

const believed: readonly [title: string, bytes: () => Bytes, status: string, asked?: Asked][] = [
  ["good, by the issuer", () => changed(() => {}), "good"],
  ["good, asked for now", () => changed(() => {}), "good", { isAsked: true }],
  [
    "named by key",
    () =>
      changed(({ response }) => {
        response.responder = byKey(root.key);
      }),
    "good",
  ],
  [
    "an identifier by SHA-256",
    () =>
      changed((setting) => {
        first(setting).hash = "sha256";
      }),
    "good",
  ],
  [
    "revoked",
    () =>
      changed((setting) => {
        first(setting).state = revokedAt(judgedAt - 2 * day, 1);
      }),
    "revoked",
  ],
  [
    "unknown",
    () =>
      changed((setting) => {
        first(setting).state = unknown;
      }),
    "unknown",
  ],
  [
    "the issuer's certificate beside it",
    () =>
      changed(({ response }) => {
        response.certificates = [certificates.root.der];
      }),
    "good",
  ],
  ["a delegate", () => byDelegate(() => {}), "good"],
  [
    "a delegate, named by key",
    () => {
      const delegate = delegateOf(root);
      return buildResponse({
        ...delegated(goodResponse(device, root), delegate),
        responder: byKey(delegate.key),
      });
    },
    "good",
  ],
  [
    "the right nonce",
    () =>
      changed(({ response }) => {
        response.extensions = [nonceExtension(nonce, true)];
      }),
    "good",
    { isAsked: true },
  ],
  [
    "an extension that is not critical",
    () =>
      changed((setting) => {
        first(setting).extensions = [strange(false)];
        setting.response.extensions = [strange(false)];
      }),
    "good",
  ],
  [
    "an answer about another certificate beside it",
    () =>
      changed(({ response }) => {
        response.answers.unshift({
          ...response.answers[0]!,
          serial: derInteger(9),
          state: revokedAt(judgedAt),
        });
      }),
    "good",
  ],
  [
    "no next update, an hour old",
    () =>
      changed((setting) => {
        first(setting).nextUpdate = undefined;
      }),
    "good",
    { isAsked: true },
  ],
  [
    "revoked, of an ended certificate",
    () =>
      changed((setting) => {
        setting.response.producedAt = at(101 * day);
        first(setting).thisUpdate = at(100 * day);
        first(setting).nextUpdate = undefined;
        first(setting).state = revokedAt(judgedAt, 1);
      }),
    "revoked",
    { now: judgedAt + 102 * day },
  ],
  ["out of date, but kept since then", () => changed(() => {}), "good", { now: judgedAt + 9 * day }],
];

const refused: readonly [title: string, bytes: () => Bytes, step: string, asked?: Asked][] = [
  ["tryLater", () => errorResponse(3), "status"],
  ["an unused status", () => errorResponse(4), "structure"],
  [
    "a refusal with an answer",
    () =>
      changed(({ response }) => {
        response.status = 6;
      }),
    "structure",
  ],
  [
    "another response type",
    () =>
      changed(({ response }) => {
        response.type = "1.3.6.1.5.5.7.48.1.3";
      }),
    "structure",
  ],
  [
    "version 2",
    () =>
      changed(({ response }) => {
        response.version = der(0xa0, derInteger(1));
      }),
    "structure",
  ],
  [
    "a version that is the default",
    () =>
      changed(({ response }) => {
        response.version = der(0xa0, derInteger(0));
      }),
    "structure",
  ],
  [
    "another serial number",
    () =>
      changed((setting) => {
        first(setting).serial = derInteger(5);
      }),
    "certificate",
  ],
  [
    "another issuer's name",
    () =>
      changed((setting) => {
        first(setting).issuerName = commonName("Another");
      }),
    "certificate",
  ],
  [
    "another issuer's key",
    () =>
      changed((setting) => {
        first(setting).issuerKey = keyOf("P-256", "another");
      }),
    "certificate",
  ],
  [
    "an identifier by SHA-512",
    () =>
      changed((setting) => {
        first(setting).hash = "sha512";
      }),
    "certificate",
  ],
  [
    "no answer",
    () =>
      changed(({ response }) => {
        response.answers = [];
      }),
    "certificate",
  ],
  [
    "two answers",
    () =>
      changed(({ response }) => {
        response.answers.push({ ...response.answers[0]!, state: revokedAt(judgedAt) });
      }),
    "certificate",
  ],
  [
    "a critical extension of the response",
    () =>
      changed(({ response }) => {
        response.extensions = [strange(true)];
      }),
    "extension",
  ],
  [
    "a critical extension of the answer",
    () =>
      changed((setting) => {
        first(setting).extensions = [strange(true)];
      }),
    "extension",
  ],
  [
    "another nonce",
    () =>
      changed(({ response }) => {
        response.extensions = [nonceExtension(new Uint8Array(32))];
      }),
    "nonce",
    { isAsked: true },
  ],
  [
    "an empty nonce",
    () =>
      changed(({ response }) => {
        response.extensions = [nonceExtension(new Uint8Array())];
      }),
    "structure",
    { isAsked: true },
  ],
  [
    "signed by another key",
    () =>
      changed(({ response }) => {
        response.key = keyOf("P-256", "another");
      }),
    "signature",
  ],
  [
    "signed by the device itself",
    () =>
      changed(({ response }) => {
        response.key = device.key;
        response.responder = byName(device.subject);
        response.certificates = [certificates.device.der];
      }),
    "responder",
  ],
  [
    "signed over SHA-1",
    () =>
      changed(({ response }) => {
        response.algorithm = "sha1";
      }),
    "signature",
  ],
  [
    "a stranger's name",
    () =>
      changed(({ response }) => {
        response.responder = byName(commonName("Another"));
      }),
    "responder",
  ],
  [
    "a certificate that nothing needs",
    () =>
      changed(({ response }) => {
        response.certificates = [build(goodChain("P-384", 2)[1]!)];
      }),
    "responder",
  ],
  [
    "a delegate without the purpose",
    () => byDelegate((one) => setExtension(one, oids.eku, undefined)),
    "responder",
  ],
  [
    "a delegate for anything",
    () => byDelegate((one) => setExtension(one, oids.eku, purposes("2.5.29.37.0"))),
    "responder",
  ],
  [
    "a delegate that may not sign",
    () => byDelegate((one) => setExtension(one, oids.keyUsage, derNamedBits([2]), true)),
    "responder",
  ],
  [
    "a delegate that is an authority",
    () => byDelegate((one) => setExtension(one, oids.keyUsage, derNamedBits([0, 5]), true)),
    "responder",
  ],
  [
    "a delegate of another issuer",
    () =>
      byDelegate((one) => {
        one.issuer = commonName("Another");
      }),
    "responder",
  ],
  [
    "a delegate that another key signed",
    () =>
      byDelegate((one) => {
        one.signer = keyOf("P-256", "another");
      }),
    "responder",
  ],
  [
    "a delegate signed over SHA-1",
    () =>
      byDelegate((one) => {
        one.algorithm = "sha1";
      }),
    "responder",
  ],
  [
    "a delegate that had ended",
    () =>
      byDelegate((one) => {
        one.notAfter = derTime(judgedAt - day);
      }),
    "responder",
  ],
  [
    "a delegate that was to come",
    () =>
      byDelegate((one) => {
        one.notBefore = derTime(judgedAt + day);
      }),
    "responder",
  ],
  [
    "a delegate with a critical extension",
    () => byDelegate((one) => setExtension(one, "1.2.3.4", derNull(), true)),
    "responder",
  ],
  [
    "a delegate of whom nothing is known",
    () => byDelegate((one) => setExtension(one, ocspOids.noCheck, undefined)),
    "responder",
  ],
  [
    "a weak key of a delegate",
    () => buildResponse(delegated(goodResponse(device, root), delegateOf(root, "RSA-1024"))),
    "signature",
  ],
  [
    "from tomorrow",
    () =>
      changed((setting) => {
        setting.response.producedAt = at(day);
      }),
    "time",
  ],
  [
    "known before it is said",
    () =>
      changed((setting) => {
        first(setting).thisUpdate = at(0);
        setting.response.producedAt = at(-day);
      }),
    "time",
  ],
  [
    "ends before it begins",
    () =>
      changed((setting) => {
        first(setting).nextUpdate = at(-2 * day);
      }),
    "time",
  ],
  [
    "before its authority was valid",
    () =>
      changed((setting) => {
        setting.response.producedAt = at(-31 * day);
        first(setting).thisUpdate = at(-31 * day);
      }),
    "time",
  ],
  [
    "asked for, and out of date",
    () =>
      changed((setting) => {
        first(setting).nextUpdate = at(-600_000);
      }),
    "time",
    { isAsked: true },
  ],
  [
    "asked for, undated and of the day before yesterday",
    () =>
      changed((setting) => {
        first(setting).nextUpdate = undefined;
        first(setting).thisUpdate = at(-2 * day);
      }),
    "time",
    { isAsked: true },
  ],
  [
    "good, of an ended certificate",
    () =>
      changed((setting) => {
        setting.response.producedAt = at(101 * day);
        first(setting).thisUpdate = at(100 * day);
        first(setting).nextUpdate = undefined;
      }),
    "time",
    { now: judgedAt + 102 * day },
  ],
  [
    "a time with fractions",
    () =>
      changed(({ response }) => {
        response.producedAt = der(
          0x18,
          Uint8Array.from("20260601000000.5Z", (ch) => ch.charCodeAt(0)),
        );
      }),
    "structure",
  ],
  [
    "a UTCTime",
    () =>
      changed(({ response }) => {
        response.producedAt = derTime(judgedAt);
      }),
    "structure",
  ],
  [
    "good with content",
    () =>
      changed((setting) => {
        first(setting).state = der(0x80, Uint8Array.of(0));
      }),
    "structure",
  ],
  [
    "a state that does not exist",
    () =>
      changed((setting) => {
        first(setting).state = der(0x83);
      }),
    "structure",
  ],
  [
    "removeFromCRL",
    () =>
      changed((setting) => {
        first(setting).state = revokedAt(judgedAt, 8);
      }),
    "structure",
  ],
  [
    "17 answers",
    () =>
      changed(({ response }) => {
        response.answers = Array.from({ length: 17 }, () => response.answers[0]!);
      }),
    "structure",
  ],
  [
    "5 certificates",
    () =>
      changed(({ response }) => {
        response.certificates = Array.from({ length: 5 }, (_, i) => derSequence(derInteger(i)));
      }),
    "structure",
  ],
  [
    "a certificate twice",
    () =>
      changed(({ response }) => {
        response.certificates = [certificates.root.der, certificates.root.der];
      }),
    "structure",
  ],
  [
    "a certificate that is none",
    () =>
      changed(({ response }) => {
        response.certificates = [derSequence(derInteger(1))];
      }),
    "structure",
  ],
  [
    "bytes behind it",
    () =>
      changed(({ response }) => {
        response.finish = (whole) => concatBytes([whole, Uint8Array.of(0)]);
      }),
    "structure",
  ],
  [
    "more than 16 KiB",
    () =>
      changed(({ response }) => {
        response.extensions = [extension("1.2.3", false, derOctets(new Uint8Array(17_000)))];
      }),
    "structure",
  ],
  ["four thousand sequences in each other", () => nested(4000), "structure"],
  ["a certificate in its place", () => certificates.root.der, "structure"],
  ["nothing", () => new Uint8Array(), "structure"],
];

describe("an OCSP response", () => {
  for (const [title, bytes, status, asked] of believed)
    it(`is believed: ${title}`, async () => {
      expect(await outcome(bytes(), asked)).toBe(status);
    });

  for (const [title, bytes, step, asked] of refused)
    it(`is refused at ${step}: ${title}`, async () => {
      expect(await outcome(bytes(), asked)).toBe(step);
    });

  it("tells when, why and since when a certificate was revoked", async () => {
    const bytes = changed((setting) => {
      first(setting).state = revokedAt(judgedAt - 2 * day, 1);
      first(setting).extensions = [extension(invalidityDate, true, derGeneralizedTime(judgedAt - 5 * day))];
    });
    expect(await judge(bytes)).toMatchObject({
      revocation: {
        reason: "keyCompromise",
        revokedAt: judgedAt - 2 * day,
        invalidSince: judgedAt - 5 * day,
      },
      responder: "O=Example Hospital, CN=Root",
      thisUpdate: judgedAt - 3_600_000,
    });
  });

  it("by a delegate counts where a list, or the delegate's own certificate, says that it is not revoked; never once it is", async () => {
    const delegate = delegateOf(root);
    const unchecked = byDelegate((one) => setExtension(one, ocspOids.noCheck, undefined));
    const empty = emptyList(root);
    expect(await outcome(unchecked, { crls: [buildList(empty)] })).toBe("good");
    empty.entries.push({ serial: delegate.serial, revokedAt: judgedAt - 60_000, extensions: [] });
    const list = buildList(empty);
    expect(await outcome(unchecked, { crls: [list] })).toBe("responder");
    expect(
      await outcome(
        byDelegate(() => {}),
        { crls: [list] },
      ),
    ).toBe("responder");
  });

  for (const [who, bytes] of [
    ["its issuer", changed(({ response }) => (response.extensions = [nonceExtension(nonce)]))],
    ["a delegate", byDelegate(() => {})],
  ] as const)
    it(`by ${who} cannot be changed in any byte`, async () => {
      expect(await outcome(bytes)).toBe("good");
      const taken: number[] = [];
      for (let i = 0; i < bytes.length; i++) if ((await judge(flipped(bytes, i))).ok) taken.push(i);
      expect(taken).toEqual([]);
    });

  it("cut short anywhere is refused", async () => {
    const whole = byDelegate(() => {});
    for (let length = 0; length < whole.length; length++)
      expect(await outcome(whole.subarray(0, length))).toBe("structure");
  });
});

describe("the reader of OCSP responses", () => {
  const read = (bytes: Bytes): void => {
    try {
      readOcspResponse(bytes);
    } catch (error) {
      if (!(error instanceof ScansealError) || error.code !== "certificate-invalid") throw error;
    }
  };

  it("refuses or reads whatever bytes it gets, and ends", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => read(bytes)));
    const original = byDelegate(() => {});
    const change = fc.record({
      at: fc.nat(original.length),
      removed: fc.nat(4),
      added: fc.uint8Array({ maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        let bytes = original;
        for (const { at: start, removed, added } of changes)
          bytes = concatBytes([bytes.subarray(0, start), added, bytes.subarray(start + removed)]);
        read(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  it("gives back what was put in, whatever the answers", () => {
    const states = { good, unknown, revoked: revokedAt(judgedAt, 4) };
    const answer = fc.record({
      serial: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
      state: fc.constantFrom("good" as const, "unknown" as const, "revoked" as const),
      at: fc.integer({ min: Date.UTC(1951, 0) / 1000, max: Date.UTC(2099, 0) / 1000 }),
      hasNext: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(answer, { minLength: 1, maxLength: 16 }), (answers) => {
        const spec = goodResponse(device, root);
        const [model] = spec.answers;
        spec.answers = answers.map(({ serial, state, at: seconds, hasNext }) => ({
          ...model!,
          serial: derInteger(serial),
          state: states[state],
          thisUpdate: derGeneralizedTime(seconds * 1000),
          nextUpdate: hasNext ? model!.nextUpdate : undefined,
        }));
        const result = readOcspResponse(buildResponse(spec));
        if (typeof result === "string") throw new Error(result);
        expect(
          result.answers.map((one) => [Number.parseInt(one.id.serial, 16), one.status, one.thisUpdate]),
        ).toEqual(answers.map((one) => [one.serial, one.state, one.at * 1000]));
      }),
      { numRuns: 50 },
    );
  });
});
