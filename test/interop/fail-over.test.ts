/** The gate is gone and readers go to the archive: what they see then, who is woken, and what finds it afterwards. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { equalBytes } from "../../src/foundation/bytes.ts";
import { startGateway } from "../cli/gateway-run.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { describePeer } from "../peers.ts";
import { dataSetOf } from "./dimse-peers.ts";
import { onePixel, ReadersSite } from "./readers-site.ts";

const place = makeWorkplace();
let readers: ReadersSite;
const calls: string[] = [];
const pager = createServer((request, response) => {
  let body = "";
  request.setEncoding("utf8").on("data", (text: string) => {
    body += text;
  });
  request.on("end", () => {
    calls.push(body);
    response.writeHead(200).end();
  });
});

describePeer(["Orthanc", "storescu", "findscu", "getscu", "movescu", "storescp"], "fail-over", () => {
  beforeAll(async () => {
    readers = await ReadersSite.open(place);
    await new Promise<void>((resolve) => pager.listen(0, "127.0.0.1", resolve));
  }, 60_000);
  afterAll(async () => {
    await readers.site.close();
    pager.close();
  });

  it("the archive gives what is altered, somebody is woken, and a sweep names it afterwards", async () => {
    const { site } = readers;
    const config = site.path("gateway.yaml");
    const [instance] = readers.sealed.keys();
    const undo = await readers.tamper(instance!, onePixel);
    try {
      await readers.expectAsSealed((await readers.get()).got, [instance!]);
      // Read by the next start and by commands; the running gate takes it up with its restart.
      const { port } = pager.address() as AddressInfo;
      const alerts = { webhook: { url: `http://127.0.0.1:${port}/` } };
      const own = { ...JSON.parse(readFileSync(config, "utf8")), alerts };
      writeFileSync(config, JSON.stringify(own));
      const down = () => startGateway(place, "alerts", "down", "--config", config).ended;
      expect(await down()).toMatchObject({ status: 1, output: expect.stringContaining("nobody was woken") });
      expect(calls).toEqual([]);
      await site.kill();

      // The reader's second place: the archive itself.
      const folder = site.path("directly");
      mkdirSync(folder);
      const level = ["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${readers.study}`];
      const to = ["-aet", "WS", "-aec", "ORTHANC", "-S", ...level, "+B", "-od", folder, "127.0.0.1"];
      await site.peers.run("getscu", ...to, `${readers.archivePort}`);
      const { got, notices } = await readers.arrived(folder);
      expect([...got.keys()].sort()).toEqual([...readers.sealed.keys()].sort());
      expect(notices).toEqual([]);
      const seen = await dataSetOf(got.get(instance!)!);
      expect(equalBytes(seen, await dataSetOf(readers.sealed.get(instance!)!))).toBe(false);

      expect(await down()).toMatchObject({ status: 0, errors: "" });
      expect(calls.map((body) => JSON.parse(body))).toMatchObject([
        { alarm: "gate-down", severity: "critical", page: "docs/alarms.md#gate-down" },
      ]);

      await site.start();
      await readers.expectAsSealed((await readers.get()).got, [instance!]);
      const sweep = place.run("sweep", "--config", config, "--recent", "1d");
      expect(sweep).toMatchObject({ status: 1, stdout: expect.stringContaining(`${instance}  altered`) });
    } finally {
      undo();
    }
  }, 60_000);
});
