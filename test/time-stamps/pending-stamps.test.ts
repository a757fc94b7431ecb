/** Seals that wait for their stamps: how many are stamped before the time is over, and that the rest is found again. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { toBase64 } from "../../src/foundation/bytes.ts";
import { areStampsPending, stampPending, stampSource } from "../../src/site/provenance/time-stamping.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { describePeer } from "../peers.ts";
import { sampleSeal } from "../provenance/provenance-journal-suite.ts";
import { authorityServer } from "./authority-server.ts";
import { OpensslAuthority } from "./openssl-authority.ts";

describePeer("openssl", "Seals without stamps", () => {
  it("are stamped until the time is over, and the rest the next time", async () => {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-pending-"));
    const authority = new OpensslAuthority(join(folder, "tsa"));
    let asked = 0;
    const server = authorityServer((request) => {
      asked++;
      return authority.reply(request);
    });
    await new Promise<void>((done) => {
      server.listen(0, "127.0.0.1", done);
    });
    const { port } = server.address() as AddressInfo;
    const anchors = [toBase64(authority.anchor)];
    const url = `http://127.0.0.1:${port}/`;
    const source = stampSource({ url, anchors, policies: [], crls: [] });
    const journal = await openProvenanceJournal(join(folder, "provenance.sqlite"));
    try {
      for (let n = 1; n <= 10; n++)
        await journal.addSeal(sampleSeal(n, { payloadDigest: n.toString(16).padStart(64, "0") }));
      // Over once the first four are asked for.
      const begun = Date.now();
      const clock = { now: () => (asked === 0 ? begun : begun + 10_000) };
      expect(await stampPending({ journal, source: { ...source, clock }, until: begun + 9000 })).toBe(4);
      expect([asked, await areStampsPending(journal)]).toEqual([4, true]);
      expect(await stampPending({ journal, source })).toBe(6);
      expect([asked, await areStampsPending(journal)]).toEqual([10, false]);
    } finally {
      await journal.close();
      server.close().closeAllConnections();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
