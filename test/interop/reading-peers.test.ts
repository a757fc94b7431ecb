/** DCMTK's readers at the gate, Orthanc as the archive behind it, and somebody who changes files in Orthanc's folder. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { describePeer } from "../peers.ts";
import { ourTitle } from "./gateway-site.ts";
import { onePixel, ReadersSite, stripped } from "./readers-site.ts";

const place = makeWorkplace();
let readers: ReadersSite;

describePeer(
  ["Orthanc", "storescu", "findscu", "getscu", "movescu", "storescp"],
  "readers at the gate",
  () => {
    beforeAll(async () => {
      readers = await ReadersSite.open(place);
    }, 60_000);
    afterAll(() => readers.site.close());
    beforeEach(() => readers.restart());

    it("finds what was verified, and tells it as it was verified", async () => {
      const related = `[${readers.sealed.size} ]`;
      const counted = [
        "QueryRetrieveLevel=STUDY",
        `StudyInstanceUID=${readers.study}`,
        "NumberOfStudyRelatedInstances",
      ];
      await expect
        .poll(async () => (await readers.find("WS", ...counted)).text, { timeout: 10_000 })
        .toContain(related);
      const { status, text } = await readers.find(
        "WS",
        "QueryRetrieveLevel=STUDY",
        "PatientName",
        "StudyInstanceUID",
        "NumberOfStudyRelatedInstances",
        "ModalitiesInStudy",
      );
      expect(status).toBe(0);
      expect(text).toContain(`[${readers.study}]`);
      expect(
        (await readers.find("WS", "QueryRetrieveLevel=STUDY", "PatientName=Nobody*", "StudyInstanceUID"))
          .text,
      ).not.toContain("Pending");
    });

    it("finds what only the archive has, by its label", async () => {
      const study = await readers.addUnseen("2.25.4711");
      const keys = ["QueryRetrieveLevel=STUDY", "StudyInstanceUID", "StudyDescription"];
      const { text } = await readers.find("WS", ...keys);
      expect(text).toContain(`[${study}]`);
      expect(text.match(/\[\[UNVERIFIED\]/g)).toHaveLength(1);
    });

    it("gives nothing of a study for another patient's ID", async () => {
      const keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", `StudyInstanceUID=${readers.study}`];
      expect((await readers.get("WS", [...keys, "-k", "PatientID=NOBODY"])).got.size).toBe(0);
    });

    it("gives the study by C-GET and C-MOVE, data set for data set", async () => {
      await readers.expectAsSealed((await readers.get()).got);
      const move = await readers.site.peers.run(
        "movescu",
        "-v",
        "-aet",
        "WS",
        "-aem",
        "SINK",
        "-aec",
        ourTitle,
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        `StudyInstanceUID=${readers.study}`,
        "127.0.0.1",
        `${readers.site.ports.plain}`,
      );
      expect(move).toMatchObject({ status: 0, text: expect.stringContaining("Success") });
      await readers.expectAsSealed((await readers.arrived(readers.site.peers.path("sink"))).got);
      const unknown = await readers.site.peers.run(
        "movescu",
        "-v",
        "-aet",
        "WS",
        "-aem",
        "ELSEWHERE",
        "-aec",
        ourTitle,
        "-S",
        "-k",
        "QueryRetrieveLevel=STUDY",
        "-k",
        `StudyInstanceUID=${readers.study}`,
        "127.0.0.1",
        `${readers.site.ports.plain}`,
      );
      expect(unknown.text).toMatch(/MoveDestinationUnknown|0xa801/i);
    });

    it.each([
      ["one pixel", onePixel, "altered"],
      [
        "one tag",
        async (bytes: Bytes) =>
          Buffer.from(bytes.slice()).fill("F", at(bytes, "Phantom"), at(bytes, "Phantom") + 1),
        "altered",
      ],
      ["the seal stripped", stripped, "unsealed"],
      ["another's bytes", async () => [...readers.sealed.values()][1]!, "verified"],
      ["cut off", async (bytes: Bytes) => bytes.slice(0, bytes.length - 900), ""],
    ])("withholds an object that was altered in the archive's folder: %s", async (_, change, verdict) => {
      const [instance] = readers.sealed.keys();
      const before = (await readers.site.lines("read-withheld", 0)).length;
      const undo = await readers.tamper(instance!, change);
      try {
        for (const reader of ["WS", "WS2"]) {
          const { got, said } = await readers.get(reader);
          await readers.expectAsSealed(got, [instance!]);
          expect(said).toMatch(/Number of Failed Suboperations *: 1/);
        }
      } finally {
        undo();
      }
      if (verdict === "") {
        // Orthanc does not send what it cannot read.
        await readers.site.lines("read-failed", 1, { archive: "pacs" });
        return;
      }
      const told = (await readers.site.lines("read-withheld", before + 1)).slice(before);
      expect(told[0]).toMatchObject({ archive: "pacs", verdict });
      // In quarantine, for a person; what is a re-send of an admitted object is none.
      if (verdict !== "verified") await readers.isHeld(told);
    });

    it("names what the archive has lost, and gives the others", async () => {
      const [instance] = readers.sealed.keys();
      const path = await readers.fileOf(instance!);
      const bytes = readFileSync(path);
      rmSync(path);
      try {
        const { got } = await readers.get();
        await readers.expectAsSealed(got, [instance!]);
      } finally {
        writeFileSync(path, bytes);
      }
      await readers.expectAsSealed((await readers.get()).got);
    });

    it("gives nobody else anything", async () => {
      const stranger = await readers.find("STRANGER", "QueryRetrieveLevel=STUDY", "StudyInstanceUID");
      expect(stranger.text).toContain("Calling AE Title Not Recognized");
      // A modality sends; it does not read.
      const modality = await readers.find("CT", "QueryRetrieveLevel=STUDY", "StudyInstanceUID");
      expect(modality.text).toContain("No Acceptable Presentation Contexts");
      const { got } = await readers.get("CT");
      expect(got.size).toBe(0);
      // A reader reads; it does not send.
      const sent = await readers.site.peers.run(
        "storescu",
        "-v",
        "-aet",
        "WS",
        ...readers.site.to("plain"),
        readers.site.path("0.dcm"),
      );
      expect(sent.status).not.toBe(0);
      expect(existsSync(readers.site.peers.path("sink"))).toBe(true);
    });
  },
);

function at(bytes: Bytes, text: string): number {
  const found = Buffer.from(bytes).indexOf(text, 0, "latin1");
  if (found < 0) throw new Error(`no ${text} in it`);
  return found;
}
