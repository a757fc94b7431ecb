/** The gate beside an archive whose readers do not ask it: the sentinel sees what is new, by whatever path it came; the sweep, at its hour, everything. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { textElement } from "../../src/dicom/encode.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { tags } from "../../src/dicom/tags.ts";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace, sampleFile, type Workplace } from "../cli/scanseal-process.ts";
import { parse } from "../evaluation/fixture.ts";
import { describePeer } from "../peers.ts";
import { onePixel, ReadersSite, stripped } from "./readers-site.ts";

const peers = [
  "Orthanc",
  "orthanc-dicomweb",
  "storescu",
  "findscu",
  "getscu",
  "movescu",
  "storescp",
] as const;
const place: Workplace = makeWorkplace();

interface Line {
  readonly kind: string;
  readonly studyInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly instances?: unknown;
  readonly codes?: readonly string[];
}

/** A study of its own, with one instance. */
async function sampleOf(study: string, instance = `${study}.1`): Promise<Bytes> {
  const file = await parse(sampleFile(instance));
  return writeToBytes(file, [
    { kind: "put", element: textElement(tags.studyInstanceUid, "UI", study) },
    { kind: "put", element: textElement(tags.seriesInstanceUid, "UI", `${study}.2`) },
  ]);
}

/** With another patient's number. */
async function ofAnother(bytes: Bytes): Promise<Bytes> {
  const element = textElement(tags.patientId, "LO", "ANOTHER");
  return writeToBytes(await parse(bytes), [{ kind: "put", element }]);
}

for (const [way, isOverWeb] of [
  ["DICOMweb", true],
  ["DIMSE", false],
] as const)
  describePeer(peers, `beside an archive over ${way}`, () => {
    let readers: ReadersSite;
    const folder = (): string => join(readers.site.sealed.folder, "home");

    async function restartWith(sections: object): Promise<void> {
      await readers.site.stop();
      const path = readers.site.path("gateway.yaml");
      const { sweep: _, sentinel: _other, ...config } = JSON.parse(readFileSync(path, "utf8"));
      writeFileSync(path, JSON.stringify({ ...config, ...sections }));
      await readers.site.start();
    }

    /** As if the last one had been the week before. */
    function makeDue(): void {
      const { dicom, http } = readers.orthanc;
      const what = isOverWeb ? `http://127.0.0.1:${http}/dicom-web` : `ORTHANC@127.0.0.1:${dicom}`;
      const state = {
        ...{ format: "scanseal-sweep-2", what, startedAt: Date.now() - 9 * 86_400_000, done: "" },
        ...{ endedAt: Date.now() - 8 * 86_400_000, reported: 0 },
        counts: { studies: 0, instances: {}, findings: {}, bytes: 0 },
      };
      mkdirSync(join(folder(), "gateway", "sweep"), { recursive: true, mode: 0o700 });
      writeFileSync(join(folder(), "gateway", "sweep", "scheduled.json"), JSON.stringify(state), {
        mode: 0o600,
      });
      rmSync(join(folder(), "sweep-reports"), { recursive: true, force: true });
    }

    function report(): readonly Line[] {
      const at = join(folder(), "sweep-reports");
      const [name] = readdirSync(at).filter((one) => one.endsWith(".jsonl"));
      const lines = readFileSync(join(at, name!), "utf8").trimEnd().split("\n");
      return lines.map((line) => JSON.parse(line) as Line);
    }

    async function push(bytes: Bytes): Promise<void> {
      const path = readers.site.write("pushed.dcm", bytes);
      await readers.site.peers.run(
        "storescu",
        "-aec",
        "ORTHANC",
        "127.0.0.1",
        `${readers.archivePort}`,
        path,
      );
    }

    beforeAll(async () => {
      readers = await ReadersSite.open(place, isOverWeb);
    }, 60_000);
    afterAll(() => readers.site.close());

    it("the sweep at its hour goes on after a kill, skips nothing, and names each change", async () => {
      const { site } = readers;
      await deleteStudies(readers.orthanc.http);
      for (const bytes of readers.sealed.values()) await push(bytes);
      for (let i = 1; i <= 6; i++) await push(await sampleOf(`2.25.60${i}`));
      const [pixel, tag, strip, gone] = [...readers.sealed.keys()] as [string, string, string, string];
      await readers.tamper(pixel, onePixel);
      await readers.tamper(tag, ofAnother);
      await readers.tamper(strip, stripped);
      rmSync(await readers.fileOf(gone));
      makeDue();
      await restartWith({ sweep: { rate: 3 } });
      await site.lines("study-checked", 3, { by: "sweep" });
      await site.kill();
      await site.start();
      await site.lines("sweep-begun", 1, { isResumed: true });
      const [ended] = await site.lines("sweep-ended", 1);
      expect(ended).toMatchObject({ archive: "pacs", held: 3, unknown: 6 });
      const lines = report();
      const unknown = lines.filter(({ kind }) => kind === "unknown").map((one) => one.studyInstanceUid);
      expect(unknown.sort()).toEqual([1, 2, 3, 4, 5, 6].map((i) => `2.25.60${i}`));
      const heldOf = (uid: string): Line | undefined =>
        lines.find(({ kind, sopInstanceUid }) => kind === "held" && sopInstanceUid === uid);
      expect(heldOf(pixel)?.codes).toContain("pixels-changed");
      expect(heldOf(tag)).toBeDefined();
      expect(heldOf(strip)).toBeDefined();
      expect(lines.filter(({ sopInstanceUid }) => sopInstanceUid === gone)).toHaveLength(1);
      expect(lines.at(-1)).toMatchObject({ kind: "sweep", archive: "pacs", studies: ended!.studies });
      const text = readFileSync(
        join(
          folder(),
          "sweep-reports",
          readdirSync(join(folder(), "sweep-reports")).find((one) => one.endsWith(".txt"))!,
        ),
        "utf8",
      );
      expect(text).toContain(`${pixel}  altered: pixels-changed`);
      // The same goes into quarantine, as if a reader had asked.
      expect(place.run("quarantine", "list", "--config", site.path("gateway.yaml")).stdout).toContain(
        "altered",
      );
    }, 60_000);

    // The other way round each: the file would take minutes.
    if (isOverWeb)
      it("the sentinel verifies what is new once, whatever path it took, and misses what goes", async () => {
        const { site } = readers;
        await deleteStudies(readers.orthanc.http);
        for (const bytes of readers.sealed.values()) await push(bytes);
        await restartWith({ sentinel: { every: "10 s", window: "3650 d", rate: 1000 } });
        const all = { by: "sentinel", archive: "pacs", objects: readers.sealed.size, held: 0, missing: 0 };
        await site.lines("study-checked", 1, all);
        // Past the gate: one that was never sealed, and one that was sealed and changed.
        await push(await sampleOf("2.25.501"));
        const sealed = await site.sealed.seal(site.write("other.dcm", await sampleOf("2.25.502")));
        await push(await ofAnother(new Uint8Array(readFileSync(sealed))));
        await site.lines("study-unadmitted", 1, { archive: "pacs", proven: 0, unproven: 1 });
        await site.lines("read-withheld", 1, { archive: "pacs", verdict: "altered" });
        expect(await site.lines("study-checked", 3)).toHaveLength(3);
        // After a restart only what came meanwhile.
        await site.kill();
        await push(await sampleOf("2.25.503"));
        await site.start();
        expect(await site.lines("study-checked", 1)).toMatchObject([{ objects: 1, by: "sentinel" }]);
        // Another slice of a study that is known is looked at alone.
        await push(await sampleOf("2.25.503", "2.25.503.9"));
        expect((await site.lines("study-checked", 2))[1]).toMatchObject({ objects: 1 });
        await deleteStudies(readers.orthanc.http, [readers.study]);
        await site.lines("study-missing", 1, { by: "sentinel", instances: readers.sealed.size });
      }, 60_000);
  });

async function deleteStudies(port: number, only?: readonly string[]): Promise<void> {
  const at = `http://127.0.0.1:${port}/studies`;
  for (const id of (await (await fetch(at)).json()) as readonly string[]) {
    const study = (await (await fetch(`${at}/${id}`)).json()) as {
      readonly MainDicomTags: { readonly StudyInstanceUID: string };
    };
    if (!only || only.includes(study.MainDicomTags.StudyInstanceUID))
      await fetch(`${at}/${id}`, { method: "DELETE" });
  }
}
