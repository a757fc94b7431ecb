/** Archives that are down, that do not take a transfer syntax, that refuse or warn: what the real gateway process does with what it admitted. */
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { freePort } from "../evaluation/network-peers.ts";
import { ReceivingArchive } from "../gateway/network.ts";
import { describePeer } from "../peers.ts";
import { dataSetOf, phantomFiles, type Served } from "./dimse-peers.ts";
import { GatewaySite, type LogLine } from "./gateway-site.ts";

const place = makeWorkplace();
let site: GatewaySite;
let slices: readonly string[];
let dataSets: readonly Bytes[];
/** Down at first. */
let storescpPort: number;
let storescp: Served | undefined;
/** Ours: refuses, then takes with a warning, then takes. */
let moody: ReceivingArchive;

describePeer(["storescu", "storescp", "dcmcrle"], "archives that fail", () => {
  beforeAll(async () => {
    site = await GatewaySite.open(place);
    await site.issue("tls-server", "gate");
    storescpPort = await freePort();
    moody = await ReceivingArchive.open(0);
    site.configure(
      [{ name: "old", listener: "plain", mode: "observe" }],
      [
        { name: "storescp", port: storescpPort, aeTitle: "SCP", associations: 1 },
        { name: "moody", port: moody.port, aeTitle: "MOODY", associations: 1 },
      ],
    );
    await site.start();
    const files = phantomFiles();
    slices = files.map((file, i) => site.write(`slice-${i}.dcm`, file));
    dataSets = await Promise.all(files.map(dataSetOf));
  });
  afterAll(async () => {
    await moody.close();
    await site.close();
  });

  const failures = (judged: readonly LogLine[], destination: string, count: number): Promise<LogLine[]> =>
    site.lines("delivery-failed", count, { object: judged[0]!.object, destination });

  async function send(...files: readonly string[]): Promise<LogLine[]> {
    return site.judged(files.length, async () => {
      const sent = await site.peers.run("storescu", ...site.to("plain"), ...files);
      expect(sent).toMatchObject({ status: 0 });
    });
  }

  it("down: it is tried again and again, and delivered when it is up, once", async () => {
    const judged = await send(slices[0]!, slices[1]!);
    const [first] = await site.lines("destination-down", 2, { destination: "storescp" });
    expect(first).toMatchObject({ why: expect.stringContaining("network: no connection to") });
    // The other destination does not wait for it.
    await site.delivered(judged, "moody");
    // It takes only explicit little endian, as storescp does by itself.
    storescp = await site.peers.storescpAt(storescpPort, "inbox", "-d");
    await site.delivered(judged, "storescp");
    const arrived = await Promise.all(site.peers.inbox("inbox").map(dataSetOf));
    const sorted = (all: readonly Bytes[]) => all.map((bytes) => Buffer.from(bytes)).sort(Buffer.compare);
    const [a, b] = [sorted(arrived), sorted(dataSets.slice(0, 2))];
    expect(a.map((bytes, i) => bytes.equals(b[i]!))).toEqual([true, true]);
  });

  it("a transfer syntax that it does not take: tried again later, which says so; the other archive has it", async () => {
    const path = site.path("rle.dcm");
    expect(await site.peers.run("dcmcrle", "+un", slices[2]!, path)).toMatchObject({ status: 0 });
    const judged = await site.judged(1, async () => {
      const sent = await site.peers.run("storescu", "-xr", ...site.to("plain"), path);
      expect(sent).toMatchObject({ status: 0 });
    });
    const [told] = await failures(judged, "storescp", 1);
    expect(told).toMatchObject({
      isDead: false,
      why: "the archive does not take its class in its transfer syntax",
    });
    await site.delivered(judged, "moody");
  });

  it("out of resources (A700): later again; a warning (B000): delivered", async () => {
    const answers = [0xa700, 0xa700, 0xb000];
    moody.answer = () => answers.shift() ?? 0;
    const judged = await send(slices[3]!);
    await site.delivered(judged, "moody");
    const told = await failures(judged, "moody", 2);
    expect(told.map(({ why, isDead }) => `${why} ${isDead}`)).toEqual([
      "the archive answered 0xa700 false",
      "the archive answered 0xa700 false",
    ]);
    expect(Buffer.compare(moody.received.at(-1)!.bytes, dataSets[3]!)).toBe(0);
  });

  it("cannot understand (C000): asked again later", async () => {
    const path = site.path("another.dcm");
    expect(await site.peers.run("dcmcrle", "+un", slices[1]!, path)).toMatchObject({ status: 0 });
    moody.answer = () => 0xc000;
    const judged = await site.judged(1, () =>
      site.peers.run("storescu", "-xr", "+II", ...site.to("plain"), path),
    );
    const [told] = await failures(judged, "moody", 1);
    expect(told).toMatchObject({ isDead: false, why: "the archive answered 0xc000" });
    moody.answer = () => 0;
    await site.delivered(judged, "moody");
  });

  it("it goes away in the middle of its work and comes back", async () => {
    await storescp!.stop();
    const away = { destination: "storescp" };
    const before = (await site.lines("destination-down", 0, away)).length;
    const judged = await site.judged(1, () =>
      site.peers.run("storescu", "+II", ...site.to("plain"), slices[0]!),
    );
    await site.lines("destination-down", before + 1, away);
    storescp = await site.peers.storescpAt(storescpPort, "inbox", "-d");
    await site.delivered(judged, "storescp");
    expect(await site.lines("fault", 0)).toEqual([]);
    expect(await site.stop()).toBe(0);
  });
});
