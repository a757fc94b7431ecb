/** Storage Commitment: its data sets, and who may ask and report what. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import { closeEnds, ct, explicit, open, serve } from "../../../test/dicom-network/query-retrieve-ends.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { storageCommitmentClass } from "./sop-classes.ts";
import {
  type CommitmentReport,
  encodeCommitmentReport,
  encodeCommitmentRequest,
  readCommitmentReport,
  readCommitmentRequest,
} from "./storage-commitment.ts";

afterEach(closeEnds);

const uid = fc.array(fc.nat(99_999), { minLength: 1, maxLength: 8 }).map((parts) => `1.${parts.join(".")}`);
const reference = fc.record({ sopClassUid: uid, sopInstanceUid: uid });
const failure = fc.record({ sopClassUid: uid, sopInstanceUid: uid, reason: fc.nat(0xffff) });
const syntax = fc.constantFrom("1.2.840.10008.1.2", explicit, "1.2.840.10008.1.2.2");
const commitment = [{ id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes: [explicit] }];
const asScp = [{ sopClassUid: storageCommitmentClass, scu: false, scp: true }];

describe("its data sets", () => {
  it("are read as they were written", async () => {
    const request = fc.record({
      transactionUid: uid,
      instances: fc.array(reference, { minLength: 1, maxLength: 5 }),
    });
    const report = fc.record({
      transactionUid: uid,
      committed: fc.array(reference, { maxLength: 5 }),
      failed: fc.array(failure, { maxLength: 5 }),
    });
    await fc.assert(
      fc.asyncProperty(request, report, syntax, async (asked, told, transferSyntax) => {
        const one = await readCommitmentRequest(
          encodeCommitmentRequest(asked, transferSyntax),
          transferSyntax,
        );
        expect(one).toEqual(asked);
        const other = await readCommitmentReport(
          encodeCommitmentReport(told, transferSyntax),
          transferSyntax,
        );
        expect(other).toEqual(told);
      }),
    );
  });

  it("of garbage, or with a byte changed, are our error or as well-formed as any", async () => {
    const told = {
      transactionUid: "1.2",
      committed: [{ sopClassUid: ct, sopInstanceUid: "1.3" }],
      failed: [],
    };
    const good = encodeCommitmentReport(told, explicit);
    const garbage = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .tuple(fc.nat(good.length - 1), fc.nat(255))
        .map(([at, byte]) => Uint8Array.from(good).fill(byte, at, at + 1)),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (bytes) => {
        for (const read of [readCommitmentRequest, readCommitmentReport])
          await read(bytes, explicit).catch((error: unknown) => expect(error).toBeInstanceOf(ScansealError));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("a provider", () => {
  const instances = [{ sopClassUid: ct, sopInstanceUid: "1.2.3" }];
  const report: CommitmentReport = { transactionUid: "2.25.1", committed: instances, failed: [] };

  it("is asked by an SCU, and told by an SCP, each in its role", async () => {
    const archive = new MemoryArchive([]);
    const port = await serve(archive);
    const asker = await open(port, { contexts: commitment, roles: [] });
    expect(await asker.requestCommitment({ transactionUid: "2.25.1", instances })).toMatchObject({ code: 0 });
    expect(archive.commitments).toEqual([{ transactionUid: "2.25.1", instances }]);
    await expect(asker.reportCommitment(report)).rejects.toMatchObject({ code: "peer-rejected" });
    const teller = await open(port, { contexts: commitment, roles: asScp });
    expect(await teller.reportCommitment(report)).toMatchObject({ code: 0 });
    expect(await archive.nextReport()).toEqual(report);
    await expect(teller.requestCommitment({ transactionUid: "2.25.1", instances })).rejects.toMatchObject({
      code: "peer-rejected",
    });
  });

  it("is asked for 10,000 instances at once, and told of them", async () => {
    const archive = new MemoryArchive([]);
    const many = Array.from({ length: 10_000 }, (_, i) => ({ sopClassUid: ct, sopInstanceUid: `2.25.${i}` }));
    const asker = await open(await serve(archive), { contexts: commitment, roles: [] });
    expect((await asker.requestCommitment({ transactionUid: "2.25.1", instances: many })).code).toBe(0);
    expect(archive.commitments[0]!.instances).toHaveLength(10_000);
  });

  it("refuses what is too long, says nothing, or it has no handler for", async () => {
    const archive = new MemoryArchive([]);
    const asker = await open(await serve(archive), { contexts: commitment, roles: [] });
    const sopInstanceUid = `2.25.${"1".repeat(39)}`;
    const tooMany = Array.from({ length: 50_000 }, () => ({ sopClassUid: ct, sopInstanceUid }));
    expect((await asker.requestCommitment({ transactionUid: "2.25.1", instances: tooMany })).code).toBe(
      0x0213,
    );
    expect((await asker.requestCommitment({ transactionUid: "2.25.1", instances: [] })).code).toBe(0x0115);
    expect(archive.commitments).toEqual([]);
    const silent = {
      admit: (request: Parameters<MemoryArchive["admit"]>[0]) => archive.admit(request),
      store: () => archive.store(),
    };
    const other = await open(await serve(silent), { contexts: commitment, roles: [] });
    expect((await other.requestCommitment({ transactionUid: "2.25.1", instances })).code).toBe(0x0211);
  });
});
