/** What people do about an archive that changed: sweep it, and open a study in an emergency. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { equalBytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace, type Run, sampleFile } from "../cli/scanseal-process.ts";
import { describePeer } from "../peers.ts";
import { dataSetOf } from "./dimse-peers.ts";
import { onePixel, ReadersSite } from "./readers-site.ts";

const place = makeWorkplace();
let readers: ReadersSite;

describePeer(
  ["Orthanc", "storescu", "findscu", "getscu", "movescu", "storescp"],
  "beside the readers",
  () => {
    beforeAll(async () => {
      readers = await ReadersSite.open(place);
    }, 60_000);
    afterAll(() => readers.site.close());
    beforeEach(() => readers.restart());

    it("a sweep finds what is not as it was admitted, in the archive and in its folder", async () => {
      const sweep = (...args: readonly string[]): Run =>
        place.run("sweep", "--config", readers.site.path("gateway.yaml"), ...args);
      const all = `${readers.sealed.size} verified`;
      expect(sweep()).toMatchObject({
        status: 0,
        stdout: `1 studies, ${readers.sealed.size} instances: ${all}\n`,
      });
      const folder = readers.site.peers.path("orthanc");
      const [first, second] = [...readers.sealed.keys()];
      const undo = await readers.tamper(first!, onePixel);
      const lost = await readers.fileOf(second!);
      const bytes = readFileSync(lost);
      rmSync(lost);
      // Sealed here, and sent to nobody.
      await readers.site.sealed.seal(readers.site.write("other.dcm", sampleFile("2.25.77")));
      try {
        const { status, stdout } = sweep("--report", readers.site.path("report.jsonl"), "--rate", "50");
        expect(status).toBe(1);
        expect(stdout).toMatch(new RegExp(`${first}  altered: pixels-changed`));
        expect(stdout).toMatch(new RegExp(`${second}  (could not be read|missing)`));
        expect(stdout).toContain("a study sealed here, neither admitted by the gate nor there");
        const report = readFileSync(readers.site.path("report.jsonl"), "utf8").trimEnd().split("\n");
        const kinds = report.map((line) => (JSON.parse(line) as { kind: string }).kind);
        // What it refuses to give may be its study, too; the last line is of the sweep itself.
        const different = new Set(kinds.map((kind) => kind.replace("missing", "unavailable")));
        expect([...different].sort()).toEqual(["held", "never-admitted", "sweep", "unavailable"]);
        // The same in its folder, without asking it.
        const inFolder = sweep(folder);
        expect(inFolder.stdout).toMatch(new RegExp(`${first}  altered: pixels-changed`));
        expect(inFolder.stdout).toMatch(new RegExp(`${second}  missing: it was admitted, and is not there`));
        expect(sweep("--recent", "1h", "--json")).toMatchObject({ status: 1 });
      } finally {
        undo();
        writeFileSync(lost, bytes);
      }
    }, 60_000);

    const passphrase = "a long passphrase of somebody";
    const run = (name: string, ...args: readonly string[]): Run =>
      place.runWith({ env: { SCANSEAL_OPERATOR_PASSPHRASE: `${passphrase} ${name}` } }, ...args);
    const where = (): string[] => ["--config", readers.site.path("gateway.yaml")];
    const added = (name: string, ...by: readonly string[]): Run => {
      const env = {
        SCANSEAL_OPERATOR_PASSPHRASE: `${passphrase} ada`,
        SCANSEAL_NEW_OPERATOR_PASSPHRASE: `${passphrase} ${name}`,
      };
      return place.runWith(
        { env },
        "operator",
        "add",
        name,
        ...by,
        "--home",
        join(readers.site.sealed.folder, "home"),
      );
    };

    it("in an emergency one person opens the study for one reader, and another one reviews it", async () => {
      expect(added("ada")).toMatchObject({ status: 0 });
      expect(added("bob", "--by", "ada")).toMatchObject({ status: 0 });
      const [instance] = readers.sealed.keys();
      const undo = await readers.tamper(instance!, onePixel);
      const open = [
        "emergency",
        "open",
        ...where(),
        "--study",
        readers.study,
        "--reason",
        "stroke at three in the morning",
      ];
      try {
        expect(run("ada", ...open, "--reader", "nobody", "--by", "ada")).toMatchObject({ status: 2 });
        expect(run("eve", ...open, "--reader", "strict", "--by", "ada")).toMatchObject({ status: 2 });
        await readers.expectAsSealed((await readers.get()).got, [instance!]);
        const opened = run("ada", ...open, "--reader", "strict", "--by", "ada");
        expect(opened).toMatchObject({ status: 0, stdout: expect.stringContaining("Open for strict until") });
        const { got, said } = await readers.get();
        expect([...got.keys()].sort()).toEqual([...readers.sealed.keys()].sort());
        expect(
          equalBytes(await dataSetOf(got.get(instance!)!), await dataSetOf(readers.sealed.get(instance!)!)),
        ).toBe(false);
        expect(said).toContain("(Success)");
        await readers.site.lines("read-emergency", 1, { reader: "strict", verdict: "altered" });
        // Not for the other reader.
        await readers.expectAsSealed((await readers.get("WS2")).got, [instance!]);
        const id = /emergency ([0-9a-f]{8})/.exec(opened.stdout)![1]!;
        expect(run("ada", "emergency", "review", id, "--by", "ada", ...where())).toMatchObject({ status: 2 });
        expect(run("bob", "emergency", "close", id, "--by", "bob", ...where())).toMatchObject({ status: 0 });
        expect(run("ada", "emergency", "list", ...where())).toMatchObject({
          status: 1,
          stdout: expect.stringContaining("nobody yet"),
        });
        await readers.expectAsSealed((await readers.get()).got, [instance!]);
        expect(run("bob", "emergency", "review", id, "--by", "bob", ...where())).toMatchObject({ status: 0 });
        expect(run("ada", "emergency", "list", ...where())).toMatchObject({ status: 0 });
      } finally {
        undo();
      }
    }, 120_000);

    it("two people release one image to one reader for a time, and one of them ends it", async () => {
      const [instance] = readers.sealed.keys();
      const undo = await readers.tamper(instance!, onePixel);
      try {
        await readers.expectAsSealed((await readers.get()).got, [instance!]);
        const asked = [
          "quarantine",
          "release",
          instance!,
          ...where(),
          "--reason",
          "a second opinion of ours",
        ];
        const reading = [...asked, "--by", "ada", "--reader", "strict", "--for", "30min"];
        expect(run("ada", ...reading)).toMatchObject({
          status: 2,
          stderr: expect.stringContaining("--confirm altered"),
        });
        expect(run("ada", ...reading, "--to", "orthanc")).toMatchObject({ status: 2 });
        const request = run("ada", ...reading, "--confirm", "altered");
        expect(request).toMatchObject({
          status: 0,
          stdout: expect.stringContaining("to strict, for 30 min"),
        });
        const id = /Request ([0-9a-f-]{36})/.exec(request.stdout)![1]!;
        await readers.expectAsSealed((await readers.get()).got, [instance!]);
        const approve = ["quarantine", "approve", id, ...where(), "--confirm", "altered", "--by"];
        expect(run("ada", ...approve, "ada")).toMatchObject({ status: 2 });
        expect(run("bob", ...approve, "bob")).toMatchObject({
          status: 0,
          stdout: expect.stringMatching(/strict may read them until .*with a notice beside them/),
        });
        const { got } = await readers.get();
        expect([...got.keys()].sort()).toEqual([...readers.sealed.keys()].sort());
        const [given, sealed] = [got.get(instance!)!, readers.sealed.get(instance!)!];
        expect(equalBytes(await dataSetOf(given), await dataSetOf(sealed))).toBe(false);
        await readers.site.lines("read-released", 1, { reader: "strict", verdict: "altered", request: id });
        await readers.expectAsSealed((await readers.get("WS2")).got, [instance!]);
        expect(run("ada", "quarantine", "show", id, ...where()).stdout).toContain("Readable until");
        const listed = (): string => run("ada", "quarantine", "list", ...where()).stdout;
        expect(listed()).toMatch(new RegExp(`Readers may have, for now:\n.*\n${id} +strict`));
        const ended = run("bob", "quarantine", "withdraw", id, "--by", "bob", ...where());
        expect(ended).toMatchObject({
          status: 0,
          stdout: expect.stringContaining("may read the objects no more"),
        });
        await readers.expectAsSealed((await readers.get()).got, [instance!]);
        expect(listed()).not.toContain("Readers may have");
      } finally {
        undo();
      }
    }, 120_000);
  },
);
