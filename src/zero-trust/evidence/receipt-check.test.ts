/** Receipts as evidence: what counts for one, and that nothing else does. */

import { afterAll, describe, expect, it } from "vitest";
import { type Device, type Judged, newAuthority, newDevice } from "../../../test/evaluation/fixture.ts";
import { Reception } from "../../../test/receipts/reception.ts";
import { sampleElements, samplePixels } from "../../../test/vectors/manifest/sample-object.ts";
import { encodePart10, type NewElement, textElement } from "../../dicom/encode.ts";
import { tags } from "../../dicom/tags.ts";
import { explicitLittleEndianUid } from "../../dicom/transfer-syntax.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import type { DetachedRecord } from "../../provenance/manifest/record.ts";
import { decide } from "../policy/decide.ts";

const deviceSerialNumber = 0x00181000;
const retrieveAeTitle = 0x00080054;

function scan(...more: readonly NewElement[]): Bytes {
  const replaced = new Set(more.map(({ tag }) => tag));
  const elements = [...sampleElements().filter(({ tag }) => !replaced.has(tag)), ...more];
  return encodePart10(
    elements.sort((a, b) => a.tag - b.tag),
    explicitLittleEndianUid,
  );
}

const site = new Reception();
afterAll(() => site.close());
const object = scan();
const codesOf = ({ decision }: Judged): string[] => decision.findings.map(({ code }) => code);

function flipped(
  record: DetachedRecord,
  part: "envelope" | "opening",
  at: number,
  bit: number,
): DetachedRecord {
  return { ...record, [part]: record[part].map((byte, i) => (i === at ? byte ^ bit : byte)) };
}

describe("a receipt", () => {
  it("gives received, on receipt, and says since when and from where", async () => {
    site.records = [await site.receipt(object)];
    const judged = await site.judge(object);
    expect(judged.decision).toMatchObject({
      verdict: "received",
      assurance: "on-receipt",
      disposition: "delivered",
    });
    expect(codesOf(judged)).toEqual(["received-unchanged"]);
    expect(JSON.stringify(judged.decision)).not.toMatch(/since capture|authentic/i);
  });

  it("lists administrative changes, and stays", async () => {
    site.records = [await site.receipt(object)];
    const { decision } = await site.judge(scan(textElement(retrieveAeTitle, "AE", "NEWPACS")));
    expect(decision.verdict).toBe("received");
    expect(decision.findings.map(({ code, severity }) => [code, severity])).toEqual([
      ["received-unchanged", "info"],
      ["attribute-added", "info"],
    ]);
  });

  it("names what changed: a frame, an identity, a clinical attribute, an addition", async () => {
    site.records = [await site.receipt(object)];
    const pixels = samplePixels.slice();
    pixels[50]! ^= 1;
    const changes: readonly (readonly [NewElement, object])[] = [
      [
        { tag: tags.pixelData, vr: "OW", value: pixels },
        { tag: "(7FE0,0010)", frames: [1] },
      ],
      [textElement(tags.patientId, "LO", "0815"), { tag: "(0010,0020)" }],
      [textElement(0x00180050, "DS", "2.5"), { tag: "(0018,0050)" }],
      [textElement(0x00200060, "CS", "L"), { tag: "(0020,0060)" }],
    ];
    for (const [element, location] of changes) {
      const { decision } = await site.judge(scan(element));
      expect(decision).toMatchObject({ verdict: "altered", disposition: "held", assurance: undefined });
      expect(decision.findings.filter(({ severity }) => severity === "error")).toEqual([
        expect.objectContaining({ code: "received-changed", location }),
      ]);
    }
  });

  it("of what was irregular when it came says so and no more", async () => {
    const odd = scan({ tag: 0x7fe00001, vr: "OV", value: new Uint8Array(16) });
    site.records = [await site.receipt(object)];
    expect((await site.judge(odd)).decision.verdict).toBe("altered");
    site.records = [await site.receipt(odd)];
    expect((await site.judge(odd)).decision.verdict).toBe("received");
  });
});

describe("every byte of a receipt", () => {
  it("flipped makes it count for nothing, and a fault is named", async () => {
    const record = await site.receipt(object, { basis: "import", operator: "A. Person", origin: "a CD" });
    const parts = ["envelope", "opening"] as const;
    for (const part of parts) {
      for (let at = 0; at < record[part].length; at++) {
        site.records = [flipped(record, part, at, 1 << (at % 8))];
        const { evidence, decision } = await site.judge(object);
        if (decision.verdict !== "unsealed" || (evidence.receipt?.faults.length ?? 0) === 0)
          expect.unreachable(`${part} byte ${at}: ${decision.verdict}, ${evidence.receipt?.faults.join()}`);
      }
    }
    site.records = [record];
    expect((await site.judge(object)).decision.verdict).toBe("received");
  }, 120_000);
});

describe("no receipt is one", () => {
  it("by a stranger, or by a signer of another role", async () => {
    const stranger = newDevice(newAuthority("Elsewhere"), { roles: ["receipt"] });
    const scanner = newDevice(site.authority, { name: "CT 2", serialNumber: "SN-2", roles: ["capture"] });
    const deriver = newDevice(site.authority, { name: "D", serialNumber: "SN-3", roles: ["derive"] });
    site.trust(scanner, deriver);
    for (const by of [stranger, scanner, deriver]) {
      site.records = [await site.receipt(object, {}, by)];
      const judged = await site.judge(object);
      expect(judged.decision.verdict).toBe("unsealed");
      expect(codesOf(judged)).toContain("receipt-unusable");
    }
  });

  it("by a signer whose certificate was revoked or ended", async () => {
    const revoked = newDevice(site.authority, { name: "R", roles: ["receipt"], isRevoked: true });
    const ended = newDevice(site.authority, { name: "E", roles: ["receipt"], validDays: [-9, -1] });
    site.trust(revoked, ended);
    for (const by of [revoked, ended]) {
      site.records = [await site.receipt(object, {}, by)];
      expect((await site.judge(object)).decision.verdict).toBe("unsealed");
    }
  });

  it("unless this site kept it before the certificate ended; never for a key that was in other hands", async () => {
    const day = 86_400_000;
    const ended = newDevice(site.authority, { name: "E", roles: ["receipt"], validDays: [-9, -1] });
    const stolen = newDevice(site.authority, {
      name: "R",
      roles: ["receipt"],
      validDays: [-9, 9],
      isRevoked: true,
    });
    site.trust(ended, stolen);
    const verdictOf = async (by: Device, daysAgo: number): Promise<string> => {
      site.keptAt = Date.now() - daysAgo * day;
      site.records = [await site.receipt(object, {}, by, site.keptAt)];
      return (await site.judge(object)).decision.verdict;
    };
    expect(await verdictOf(ended, 5)).toBe("received");
    expect(await verdictOf(ended, 0.5)).toBe("unsealed");
    expect(await verdictOf(ended, 20)).toBe("unsealed");
    expect(await verdictOf(ended, -1)).toBe("unsealed");
    expect(await verdictOf(stolen, 5)).toBe("unsealed");
    site.keptAt = undefined;
  });

  it("of admission alone for a strict source: what passed a lenient one does not pass by it", async () => {
    const admission = await site.receipt(object, { basis: "admission" });
    site.records = [admission];
    const { evidence, decision } = await site.judge(object);
    expect(decision).toMatchObject({ verdict: "received", disposition: "held" });
    expect(decision.findings.map(({ code }) => code)).toContain("receipt-of-admission");
    expect(decide(evidence, { mode: "observe" }).disposition).toBe("delivered");
    expect(decide(evidence, { mode: "warn" }).disposition).toBe("delivered-with-notice");
    // Once somebody answers for it, that counts, whichever came first.
    site.records = [admission, await site.receipt(object)];
    expect((await site.judge(object)).decision).toMatchObject({
      verdict: "received",
      disposition: "delivered",
    });
  });

  it("of another object under this UID", async () => {
    site.records = [await site.receipt(scan(textElement(tags.patientId, "LO", "1")))];
    expect((await site.judge(object)).decision.verdict).toBe("altered");
  });

  it("when another trusted one says otherwise: a person must look", async () => {
    site.records = [
      await site.receipt(object),
      await site.receipt(scan(textElement(tags.patientId, "LO", "1"))),
    ];
    const judged = await site.judge(object);
    expect(judged.decision.verdict).toBe("unsealed");
    expect(codesOf(judged)).toContain("receipts-disagree");
    // One that counts for nothing has no say.
    const stranger = newDevice(newAuthority("Elsewhere"), { roles: ["receipt"] });
    site.records = [
      await site.receipt(object),
      await site.receipt(scan(textElement(tags.patientId, "LO", "1")), {}, stranger),
    ];
    expect((await site.judge(object)).decision.verdict).toBe("received");
  });
});

describe("an object whose device seals", () => {
  const own = scan(textElement(deviceSerialNumber, "LO", "SN-7"));
  const enrolledAt = Date.UTC(2026, 0, 1);
  const day = 86_400_000;

  function enrol(issuedAt: number | undefined): void {
    const device = newDevice(site.authority, { name: "CT 7", serialNumber: "SN-7" });
    const record = { ...device.record!, ...(issuedAt === undefined ? {} : { issuedAt }) };
    site.trust({ ...device, record });
  }

  it("is received by a receipt older than its enrolment, not by a later one", async () => {
    enrol(enrolledAt);
    site.records = [await site.receipt(own, {}, site.office, enrolledAt - day)];
    expect((await site.judge(own)).decision.verdict).toBe("received");
    site.records = [await site.receipt(own, {}, site.office, enrolledAt + day)];
    const later = await site.judge(own);
    expect(later.decision.verdict).toBe("unsealed");
    expect(codesOf(later)).toContain("receipt-not-accepted");
  });

  it("never by an admission, and not when nobody knows since when it is enrolled", async () => {
    enrol(enrolledAt);
    site.records = [await site.receipt(own, { basis: "admission" }, site.office, enrolledAt - day)];
    expect((await site.judge(own)).decision.verdict).toBe("unsealed");
    enrol(undefined);
    site.records = [await site.receipt(own, {}, site.office, enrolledAt - day)];
    expect((await site.judge(own)).decision.verdict).toBe("unsealed");
  });

  it("by a person's word, who is named, whatever else is kept", async () => {
    enrol(enrolledAt);
    const later = await site.receipt(own, {}, site.office, enrolledAt + day);
    const word = { asUnsealed: true, operator: "A. Person" };
    site.records = [later, await site.receipt(own, word, site.office, enrolledAt + day)];
    const { decision } = await site.judge(own);
    expect(decision.verdict).toBe("received");
    expect(decision.findings.find(({ code }) => code === "seal-expected")).toMatchObject({
      severity: "warning",
      detail: expect.stringContaining("A. Person took it without a seal"),
    });
  });
});
