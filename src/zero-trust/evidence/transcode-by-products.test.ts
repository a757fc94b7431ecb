import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { describePeer, peerPath } from "../../../test/peers.ts";
import { type AttributeChange, isTranscodeByProduct } from "./attribute-classes.ts";

type Tool = "dcmconv" | "dcmcjpeg" | "dcmdjpeg" | "dcmcjpls" | "dcmcrle" | "gdcmconv";

/** Tag -> value of the top level as dcmdump prints it; sequences, pixels, group lengths and group 0002 are not compared. */
function topLevel(file: string): Map<string, string> {
  const run = spawnSync(peerPath("dcmdump"), ["-q", "+L", "-M", file], { encoding: "latin1" });
  const out = new Map<string, string>();
  for (const line of run.stdout.split("\n")) {
    const match = /^\(([0-9a-f]{4}),([0-9a-f]{4})\) ([A-Z]{2}) (.*?) *# *\d+, *\d+ \S+$/.exec(line);
    if (match === null || match[1] === "0002" || match[2] === "0000" || match[1] === "7fe0") continue;
    const [, group = "", element = "", , value = ""] = match;
    out.set(`${group}${element}`.toUpperCase(), value.replace(/^\[(.*)\]$/, "$1").trim());
  }
  return out;
}

function changesBetween(
  before: Map<string, string>,
  after: Map<string, string>,
): [string, AttributeChange][] {
  const changes: [string, AttributeChange][] = [];
  for (const tag of new Set([...before.keys(), ...after.keys()])) {
    const [original, present] = [before.get(tag), after.get(tag)];
    if (original === present) continue;
    const wasOriginally = (value: string): boolean => value === original;
    if (present === undefined) changes.push([tag, { kind: "removed", wasOriginally }]);
    else if (original === undefined) changes.push([tag, { kind: "added", present }]);
    else changes.push([tag, { kind: "changed", present, wasOriginally }]);
  }
  return changes;
}

describePeer(
  ["corpus", "dcmdump", "dcmconv", "dcmcjpeg", "dcmdjpeg", "dcmcjpls", "dcmcrle", "gdcmconv"],
  "real codecs",
  () => {
    it.each<[string, readonly (readonly [Tool, ...string[]])[], readonly string[]]>([
      ["ct-series/lidc-0314-nodule/inst104.dcm", [["dcmcjpeg", "+e1"]], ["00082111"]],
      ["ct-series/lidc-0314-nodule/inst104.dcm", [["dcmcjpeg", "+e1"], ["dcmdjpeg"]], ["00082111"]],
      ["ct-series/lidc-0314-nodule/inst104.dcm", [["dcmcjpls", "+el"]], []],
      ["ct-series/lidc-0314-nodule/inst104.dcm", [["dcmcrle"]], []],
      [
        "ct-series/lidc-0314-nodule/inst104.dcm",
        [
          // gdcmconv writes UN for the elements of this implicit source, and dcmdump cannot show their text then.
          ["dcmconv", "+te"],
          ["gdcmconv", "--j2k"],
          ["gdcmconv", "--raw"],
        ],
        ["00280101", "00280102"],
      ],
      ["radiograph/vet-dx-small.dcm", [["dcmcjpeg", "+e1"]], ["00082111"]],
      ["transfer-syntax/small/SC_rgb.dcm", [["gdcmconv", "--rle"]], ["00280006"]],
      ["multiframe/xa1-sc-10bit-native.dcm", [["gdcmconv", "--raw"]], ["00280008"]],
      ["ultrasound/us1-ybr-rct-j2k.dcm", [["gdcmconv", "--raw"]], ["00280004"]],
    ])("%s through %j leaves by-products only", (name, steps, expected) => {
      const work = mkdtempSync(join(tmpdir(), "scanseal-"));
      try {
        const source = join(peerPath("corpus"), name);
        let file = source;
        for (const [index, [tool, ...options]] of steps.entries()) {
          const next = join(work, `${index}.dcm`);
          const run = spawnSync(peerPath(tool), [...options, file, next], { encoding: "latin1" });
          expect(run.status, run.stderr).toBe(0);
          file = next;
        }
        const changes = changesBetween(topLevel(source), topLevel(file));
        expect(changes.map(([tag]) => tag).sort()).toEqual(expected);
        for (const [tag, change] of changes) expect(isTranscodeByProduct(tag, change), tag).toBe(true);
      } finally {
        rmSync(work, { recursive: true });
      }
    });
  },
);
