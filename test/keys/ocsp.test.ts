/** OCSP responses: what is believed, and the step that refuses each kind of bad one. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { ScansealError } from "../../src/foundation/errors.ts";
import { derGeneralizedTime, derInteger } from "../../src/keys/custody/der-writer.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { IssuerSignatures } from "../../src/keys/trust/issuer-signature.ts";
import { checkOcspResponse, type OcspFact, type OcspRefusal } from "../../src/keys/trust/ocsp.ts";
import { readOcspResponse } from "../../src/keys/trust/ocsp-response.ts";
import { parseCrl } from "../../src/keys/trust/revocation.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { buildList, emptyList, invalidityDate } from "./crl-cases.ts";
import { day, extension, flipped, judgedAt, setExtension } from "./forged-chains.ts";
import {
  buildResponse,
  delegateOf,
  good,
  goodResponse,
  nonceExtension,
  ocspOids,
  revokedAt,
  unknown,
} from "./forged-ocsp.ts";
import {
  afterTheEnd,
  believed,
  byDelegate,
  changed,
  device,
  deviceCertificate,
  nonce,
  refused,
  refusedWhenAsked,
  root,
  rootCertificate,
} from "./ocsp-cases.ts";

interface Asked {
  readonly crls?: readonly Bytes[];
  readonly isAsked?: boolean;
  readonly now?: number;
}

const certificate = parseCertificate(deviceCertificate, nodeCrypto);
const issuer = parseCertificate(rootCertificate, nodeCrypto);

function judge(
  bytes: Bytes,
  { crls = [], isAsked = false, now = judgedAt }: Asked = {},
): Promise<OcspFact | OcspRefusal> {
  const question = {
    certificate,
    authorities: [issuer] as const,
    now,
    request: isAsked ? { nonce } : undefined,
    crls: crls.map((one) => parseCrl(one, nodeCrypto)),
    signatures: new IssuerSignatures(nodeCrypto),
  };
  return checkOcspResponse(bytes, question, nodeCrypto);
}

async function outcome(bytes: Bytes, asked?: Asked): Promise<string> {
  const result = await judge(bytes, asked);
  return result.ok ? result.status : result.step;
}

describe("an OCSP response", () => {
  it.each(believed)("is believed (%s): %s", async (status, _, bytes) => {
    expect(await outcome(bytes)).toBe(status);
    expect(await outcome(bytes, { isAsked: true })).toBe(status);
    // Whoever kept it has it later too.
    expect(await outcome(bytes, { now: judgedAt + 9 * day })).toBe(status);
  });

  it.each(refused)("is refused at %s: %s", async (step, _, bytes) => {
    expect(await outcome(bytes)).toBe(step);
    expect(await outcome(bytes, { isAsked: true })).toBe(step);
  });

  it.each(refusedWhenAsked)("is refused at %s as an answer to a request: %s", async (step, _, bytes) => {
    expect(await outcome(bytes, { isAsked: true })).toBe(step);
    expect(await outcome(bytes)).toBe("good");
  });

  it("of an ended certificate says only that it was revoked", async () => {
    const now = judgedAt + 102 * day;
    expect(await outcome(changed(afterTheEnd), { now })).toBe("time");
    const revoked = changed((setting) => {
      afterTheEnd(setting);
      setting.answer.state = revokedAt(judgedAt, 1);
    });
    expect(await outcome(revoked, { now })).toBe("revoked");
  });

  it("tells when, why and since when a certificate was revoked", async () => {
    const bytes = changed(({ answer }) => {
      answer.state = revokedAt(judgedAt - 2 * day, 1);
      answer.extensions = [extension(invalidityDate, true, derGeneralizedTime(judgedAt - 5 * day))];
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
