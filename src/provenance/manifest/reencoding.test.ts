/** Real files, sealed and then rewritten by other people's software: every leaf must survive what changes no content. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describePeer, type PeerName, peerPath } from "../../../test/peers.ts";
import { check, type Sealed, seal } from "../../../test/vectors/manifest/sealing.ts";
import type { Bytes } from "../../foundation/bytes.ts";

type Hop = readonly [PeerName, ...string[]];

const pydicomSave = "import pydicom,sys;pydicom.dcmread(sys.argv[1]).save_as(sys.argv[2])";
const implicit: Hop = ["dcmconv", "+ti"];
const explicit: Hop = ["dcmconv", "+te"];
const big: Hop = ["dcmconv", "+tb"];
const undefinedLengths: Hop = ["dcmconv", "-e"];
const groupLengths: Hop = ["dcmconv", "+g"];
const trailingPadding: Hop = ["dcmconv", "+p", "512", "256"];

/** Each list is run in turn, the seal inside. */
const anySyntax: readonly (readonly Hop[])[] = [
  [undefinedLengths],
  [groupLengths],
  [trailingPadding],
  [["pydicom", "-c", pydicomSave]],
];
const nativeSyntax: readonly (readonly Hop[])[] = [
  ...anySyntax,
  [implicit],
  [explicit],
  [big],
  [["dcmconv", "+td"]],
  [implicit, explicit],
  [big, implicit, undefinedLengths],
  [implicit, big, groupLengths],
  [["gdcmconv", "--explicit"]],
  [["gdcmconv", "--implicit"]],
  [implicit, ["pydicom", "-c", pydicomSave]],
];
/** Frames are decoded again; RLE needs no codec beyond our own. */
const losslessTranscode: readonly (readonly Hop[])[] = [
  [["dcmcrle"]],
  [["dcmcrle"], ["dcmdrle"]],
  [["dcmcrle"], undefinedLengths],
];

const native = [
  "ct-series/lidc-0314-nodule/inst104.dcm",
  "mr-series/siemens-t1-sag-hfs/0013.dcm",
  "pet-series/qin-headneck-0024/000008.dcm",
  "multiframe/emri_small.dcm",
  "transfer-syntax/small/SC_rgb_small_odd.dcm",
];
/** Not asked of gdcmconv, which drops or rewrites attributes of these, or of dcmcrle. */
const structured = [
  "multiframe/siemens-xa10-enhanced-6_1.dcm",
  "non-image/test-SR.dcm",
  "non-image/waveform_ecg.dcm",
  "odd/agfa-private-rewrite/before-siemens-0001.dcm",
  "multiframe/emri_small_big_endian.dcm",
  "odd/priv_SQ.dcm",
  "odd/UN_sequence.dcm",
  "odd/charset/chrKoreanMulti.dcm",
  "odd/parametric_map_float.dcm",
];
const encapsulated = [
  "multiframe/xa-96frame-jpeg-baseline.dcm",
  "multiframe/enhanced-ct-2frame.fragmented_no_bot_jpeg_ls.80.dcm",
  "multiframe/emri_small_RLE.dcm",
];

describePeer(
  ["corpus", "dcmconv", "gdcmconv", "dcmcrle", "dcmdrle", "pydicom"],
  "rewritten by others",
  () => {
    let folder = "";
    beforeAll(() => {
      folder = mkdtempSync(join(tmpdir(), "scanseal-reencoding-"));
    });
    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    function rewritten(file: Bytes, hops: readonly Hop[]): Bytes {
      let from = join(folder, "sealed.dcm");
      writeFileSync(from, file);
      hops.forEach(([program, ...options], i) => {
        const to = join(folder, `hop-${i}.dcm`);
        const run = spawnSync(peerPath(program), [...options, from, to], {
          encoding: "utf8",
          timeout: 60_000,
        });
        expect(run.status, `${program} ${options.join(" ")}: ${run.stderr}`).toBe(0);
        from = to;
      });
      return new Uint8Array(readFileSync(from));
    }

    async function expectUnchanged(sealed: Sealed, hops: readonly Hop[]): Promise<void> {
      const facts = await check(rewritten(sealed.file, hops), sealed);
      const name = hops.map((hop) => hop.slice(0, 2).join(" ")).join(" > ");
      expect(facts, name).toMatchObject({
        signatures: ["valid"],
        seed: "fits",
        table: "fits",
        rootBy: "table",
      });
      expect(facts?.comparison, name).toMatchObject({
        changed: [],
        added: [],
        removed: [],
        frames: {
          changed: [],
          added: [],
          removed: [],
          uncheckable: [],
          matched: sealed.statement.pixels.frames,
        },
      });
    }

    async function corpusSeal(file: string): Promise<Sealed> {
      return seal(new Uint8Array(readFileSync(join(peerPath("corpus"), file))));
    }

    it.each(native)("%s", async (file) => {
      const sealed = await corpusSeal(file);
      expect(sealed.statement.leaves.frames).toBe(sealed.statement.pixels.frames);
      for (const hops of nativeSyntax) await expectUnchanged(sealed, hops);
      for (const hops of losslessTranscode) await expectUnchanged(sealed, hops);
    });

    it.each(structured)("%s", async (file) => {
      const sealed = await corpusSeal(file);
      for (const hops of nativeSyntax)
        if (!hops.some(([program]) => program === "gdcmconv")) await expectUnchanged(sealed, hops);
    });

    it.each(encapsulated)("%s", async (file) => {
      const sealed = await corpusSeal(file);
      expect(sealed.statement.leaves.encoded).toBe(sealed.statement.pixels.frames);
      for (const hops of anySyntax) await expectUnchanged(sealed, hops);
    });
  },
);
