/** Approvals of archives' changes become entries of the log, once each. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { latin1 } from "../../src/foundation/bytes.ts";
import { systemClock } from "../../src/platform/node/crypto.ts";
import { feedParts } from "../../src/site/provenance/feeding.ts";
import { queueApprovals } from "../../src/site/provenance/logged-acts.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { Office } from "./office.ts";

it("an approval is queued as policy by its digest, once; a correction is not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-approvals-"));
  const journal = await openProvenanceJournal(join(folder, "provenance.sqlite"));
  const site = new Office();
  try {
    const habits = [{ path: "00081030", kinds: ["added"] }] as const;
    const approval = await site.approval({ archive: "pacs", version: 1, habits });
    const correction = await site.correction({
      studies: [{ uid: "1.2.3", version: 1 }],
      corrections: [{ path: "00100020", vr: "LO", from: undefined, to: new Uint8Array(2) }],
    });
    await journal.addRecord(approval, [{ kind: "archive", name: "pacs" }], systemClock.now());
    await journal.addRecord(correction, [{ kind: "study", name: "1.2.3" }], systemClock.now());
    expect(await queueApprovals(feedParts(journal))).toBe(1);
    expect(await queueApprovals(feedParts(journal))).toBe(0);
    const entries = await journal.waitingEntries(10);
    expect(entries.map(({ kind }) => kind)).toEqual(["policy"]);
    expect(latin1(entries[0]!.content)).toContain(approval.digest);
  } finally {
    await site.close();
    await journal.close();
    rmSync(folder, { recursive: true });
  }
});
