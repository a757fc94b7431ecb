/** A sealer between DCMTK's storescu and storescp, as a process: plain and TLS, with strangers, and killed again and again. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { toHex } from "../../src/foundation/bytes.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import { nodeRandom } from "../../src/platform/node/crypto.ts";
import { loadConfig } from "../../src/site/gateway/config.ts";
import { withJournal } from "../../src/site/gateway/stores.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { ReceivingArchive } from "../gateway/network.ts";
import { scan } from "../gateway/sealer-site.ts";
import { describePeer } from "../peers.ts";
import { dcmtkTls, GatewaySite } from "./gateway-site.ts";

const kills = 12;
/** What was under way at five ends of the gate in a row is held: it may be what ends it. */
const killsInARow = 4;
const objectsOfKill = 6;

describePeer(["storescu", "storescp"], "the sealer beside a scanner, to DCMTK", () => {
  const place = makeWorkplace();
  let site: GatewaySite;
  let fingerprint: string;
  /** Remembers every arrival, where storescp would write over the one before. */
  let archive: ReceivingArchive;

  beforeAll(async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    ({ fingerprint } = await site.issue("tls-client", "scanner"));
    await site.issue("tls-client", "stranger");
    const storescp = await site.peers.storescp("inbox");
    archive = await ReceivingArchive.open(0);
    const { home } = site.sealed;
    for (const name of ["WIRE-SEALER", "TLS-SEALER"])
      await enrolLocally(await home.openAuthority(), home.deviceFolder(name), {
        device: { name, aeTitle: name, serialNumber: `${name}-serial` },
        roles: ["beside-device"],
        passphrase: home.passphrase(),
        random: nodeRandom,
      });
    const sealing = { modalities: ["CT"], manufacturer: "ACME", model: "Scan 3000", closeAfter: "1 s" };
    const plain = { listener: "plain", aeTitles: ["CTA"], networks: ["127.0.0.1"] };
    const secure = { listener: "secure", certificates: [`sha256:${fingerprint}`] };
    site.configure(
      [
        { name: "cta", ...plain, seals: "WIRE-SEALER", sealing },
        { name: "ctb", ...secure, seals: "TLS-SEALER", sealing },
      ],
      [
        { name: "archive", port: storescp, aeTitle: "ARCHIVE" },
        { name: "memory", port: archive.port, aeTitle: "MEMORY" },
      ],
    );
    await site.start();
  });
  afterAll(async () => {
    await site.close();
    await archive.close();
  });

  const inbox = (): readonly string[] => readdirSync(site.peers.path("inbox"));
  const storescu = (name: string, listener: "plain" | "secure", ...options: readonly string[]) =>
    site.peers.run("storescu", ...options, ...site.to(listener), site.peers.path(name));

  it("seals what comes in clear and over TLS; scanseal verify says who sealed it, and its series is closed", async () => {
    site.peers.write("a.dcm", scan("2.25.501", { serial: "WIRE-SEALER-serial", series: "2.25.51" }));
    site.peers.write("b.dcm", scan("2.25.502", { serial: "TLS-SEALER-serial", series: "2.25.52" }));
    const judged = await site.judged(2, async () => {
      expect((await storescu("a.dcm", "plain", "-aet", "CTA")).status).toBe(0);
      expect((await storescu("b.dcm", "secure", ...dcmtkTls(site, "scanner"))).status).toBe(0);
    });
    await site.delivered(judged, "archive");
    expect(inbox()).toHaveLength(2);
    const home = join(site.sealed.folder, "home");
    const verified = place.run("verify", site.peers.path("inbox"), "--home", home);
    expect(verified.status).toBe(0);
    expect(verified.stdout).toMatch(/since the sealer beside the device/);
    await expect
      .poll(() => place.run("series", "show", "2.25.51", "--home", home).stdout, {
        timeout: 50_000,
        interval: 1_000,
      })
      .toMatch(/v1 closed .* 1 instances {2}by WIRE-SEALER/);
  });

  it("takes nothing from another title, or by another certificate of the same authority", async () => {
    const before = (await site.lines("object-acknowledged", 0)).length;
    expect((await storescu("a.dcm", "plain", "-aet", "CTB")).status).not.toBe(0);
    expect((await storescu("a.dcm", "secure", ...dcmtkTls(site, "stranger"))).status).not.toBe(0);
    expect(await site.lines("object-acknowledged", 0)).toHaveLength(before);
  });

  it("killed again and again, seals each object once: one seal of each is ever delivered, and nothing acknowledged is lost", async () => {
    const acknowledged = new Set<string>();
    const config = loadConfig(site.path("gateway.yaml")).config!;
    const open = (): Promise<readonly string[]> =>
      withJournal(config, async (journal) => {
        const rows = await journal.objects({ source: "cta", limit: 1000 });
        const left = rows.filter(({ state }) => state === "received" || state === "held");
        return left.map(
          ({ state, findings }) => `${state}: ${findings.map(({ detail }) => detail).join("; ")}`,
        );
      });
    for (let kill = 0; kill < kills; kill++) {
      const uids = Array.from({ length: objectsOfKill }, (_, i) => `2.25.6${kill + 10}${i}`);
      const sent = uids.map(async (uid, i) => {
        const name = site.peers.write(
          `k${kill}-${i}.dcm`,
          scan(uid, { serial: "WIRE-SEALER-serial", series: `2.25.7${kill}` }),
        );
        const ended = await site.peers.run("storescu", "-aet", "CTA", ...site.to("plain"), name);
        if (ended.status === 0) acknowledged.add(uid);
      });
      // The moments differ: after so many were sealed, admitted or delivered.
      const [event, count] = moments[kill % moments.length]!;
      await Promise.race([Promise.all(sent), site.lines(event, count).catch(() => undefined)]);
      await site.kill();
      await Promise.all(sent);
      await site.start();
      if ((kill + 1) % killsInARow === 0)
        await expect.poll(open, { timeout: 60_000, interval: 500 }).toEqual([]);
    }
    const waiting = (): readonly string[] => [...acknowledged].filter((uid) => !arrivals().has(uid));
    await expect.poll(waiting, { timeout: 50_000, interval: 200 }).toEqual([]);
    expect(acknowledged.size).toBeGreaterThan(0);
    for (const [uid, arrived] of arrivals()) expect([uid, arrived.size]).toEqual([uid, 1]);
    const home = join(site.sealed.folder, "home");
    expect(place.run("verify", site.peers.path("inbox"), "--home", home).status).toBe(0);
  }, 400_000);

  const moments: readonly (readonly [string, number])[] = [
    ["object-acknowledged", 1],
    ["object-acknowledged", 4],
    ["object-sealed", 1],
    ["object-sealed", 3],
    ["object-judged", 2],
    ["delivered", 1],
  ];

  /** By SOP Instance UID the different objects that arrived. */
  function arrivals(): Map<string, Set<string>> {
    const out = new Map<string, Set<string>>();
    for (const { sopInstanceUid, bytes } of archive.received)
      out.set(sopInstanceUid, (out.get(sopInstanceUid) ?? new Set()).add(toHex(bytes)));
    return out;
  }
});
