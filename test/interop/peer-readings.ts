/** One file read by us, by dcmdump and by pydicom, and every difference between them by name. */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DataElement, DicomObject } from "../../src/dicom/model.ts";
import { type ReadOptions, readDicom, tolerableCodes } from "../../src/dicom/read.ts";
import { writeToBytes } from "../../src/dicom/splice.ts";
import { formatTag } from "../../src/dicom/tags.ts";
import { implicitLittleEndianUid } from "../../src/dicom/transfer-syntax.ts";
import { vrTraits } from "../../src/dicom/vr.ts";
import { MemorySource } from "../../src/foundation/byte-source.ts";
import { type Bytes, equalBytes, latin1, viewOf } from "../../src/foundation/bytes.ts";
import { type MalformedCode, ScansealError } from "../../src/foundation/errors.ts";
import { peerPath, projectRoot } from "../peers.ts";

/** One row of INDEX.tsv that is meant to be readable. */
export interface CorpusFile {
  readonly file: string;
  readonly transferSyntaxUid: string;
}

export function wellFormedFiles(): CorpusFile[] {
  const rows = readFileSync(join(peerPath("corpus"), "INDEX.tsv"), "utf8")
    .trimEnd()
    .split("\n")
    .slice(1);
  return (
    rows
      .map((row) => row.split("\t"))
      // A bare data set has no transfer syntax of its own to be listed; these are implicit, the default (PS3.5 section 10.1).
      .map(([file = "", , , , uid = ""]) => ({
        file,
        transferSyntaxUid: uid.startsWith("1.2.") ? uid : implicitLittleEndianUid,
      }))
      .filter(({ file }) => !file.startsWith("malformed/"))
  );
}

/**
 * Well-formed for others, refused by us whatever is tolerated. Each by the paragraph it breaks.
 */
export const refusedFiles: ReadonlyMap<string, { code: MalformedCode; reason: string }> = new Map([
  [
    "odd/nested_priv_SQ.dcm",
    {
      code: "tag-forbidden",
      reason:
        "elements of group 0001 in the data set (PS3.5 section 7.1: groups 0001, 0003, 0005, 0007 are not allowed)",
    },
  ],
  [
    "odd/sc-drawing-jpeg.dcm",
    {
      code: "tag-forbidden",
      reason: "elements (0011,0001) and on, which cannot be reserved (PS3.5 section 7.8.1)",
    },
  ],
]);

export interface Reading {
  readonly object: DicomObject;
  readonly bytes: Bytes;
  /** What had to be tolerated; "preamble-missing" stands for a bare data set. */
  readonly tolerances: readonly string[];
}

/** Reads strictly, then with as few tolerances as it takes. */
export async function readTolerantly({
  file,
  transferSyntaxUid,
}: CorpusFile): Promise<Reading | ScansealError> {
  const bytes = new Uint8Array(readFileSync(join(peerPath("corpus"), file)));
  const tolerate = new Set<MalformedCode>();
  let options: ReadOptions = { tolerate };
  for (;;) {
    try {
      const object = await readDicom(new MemorySource(bytes), options);
      const bare = options.bareTransferSyntaxUid === undefined ? [] : ["preamble-missing"];
      return { object, bytes, tolerances: [...bare, ...tolerate] };
    } catch (error) {
      if (!(error instanceof ScansealError)) throw error;
      const code = error.code as MalformedCode;
      if (code === "preamble-missing") options = { tolerate, bareTransferSyntaxUid: transferSyntaxUid };
      else if (tolerableCodes.has(code) && !tolerate.has(code)) tolerate.add(code);
      else return error;
    }
  }
}

export async function isIdentity({ object, bytes }: Reading): Promise<boolean> {
  return equalBytes(await writeToBytes(object, []), bytes);
}

/** An element as a peer shows it. */
export interface PeerElement {
  readonly tag: number;
  /** Undefined where the peer does not say. */
  readonly vr: string | undefined;
  /** Undefined for undefined length. */
  readonly length: number | undefined;
  readonly items: readonly (readonly PeerElement[])[] | undefined;
  readonly fragments?: readonly number[];
  /** SHA-1 of the value's bytes (pydicom). */
  readonly digest?: string | undefined;
  /** The value as printed; `cut` when only its beginning (dcmdump). */
  readonly shown?: { readonly text: string; readonly cut: boolean };
}

type PydicomElement = [number, string | null, number | null, string | null, PydicomElement[][] | null];

/** What pydicom reads of each file, or its refusal as a text. */
export function pydicomReadings(paths: readonly string[]): (PeerElement[] | string)[] {
  const script = join(projectRoot, "test", "interop", "pydicom-reading.py");
  const input = paths.map((path) => `${path}\n`).join("");
  const run = spawnSync(peerPath("pydicom"), [script], { input, encoding: "utf8", maxBuffer: 1 << 29 });
  if (run.status !== 0) throw new Error(run.stderr);
  const lines = run.stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as PydicomElement[] | string);
  return lines.map((line) => (typeof line === "string" ? line : line.map(fromPydicom)));
}

function fromPydicom([tag, vr, length, digest, items]: PydicomElement): PeerElement {
  return {
    tag,
    vr: vr ?? undefined,
    length: length ?? undefined,
    digest: digest ?? undefined,
    items: items?.map((item) => item.map(fromPydicom)),
  };
}

/** What DCMTK calls some VRs inside; it writes them as these (DcmVR::getValidVRName). */
const internalVrs: ReadonlyMap<string, string> = new Map([
  ["??", "UN"],
  ["up", "UL"],
  ["xs", "US"],
]);

const dumpLine = /^( *)\(([0-9a-f]{4}),([0-9a-f]{4})\) (\S\S) (.*?) *# *(u\/l|\d+), *\d+ /;

/** What dcmdump reads, group 0002 included, or its refusal. `extra` are options of dcmdump. */
export function dcmdumpReading(path: string, extra: readonly string[] = []): PeerElement[] | string {
  const options = ["-q", "+Qo", "-Un", ...extra, path];
  const run = spawnSync(peerPath("dcmdump"), options, { encoding: "latin1", maxBuffer: 1 << 29 });
  if (run.status !== 0) return run.stderr.trim() || `dcmdump: ${run.status}`;
  const root: PeerElement[] = [];
  // By indentation: the list that lines of that depth belong to.
  const lists: PeerElement[][] = [root];
  for (const line of run.stdout.split("\n")) {
    const match = dumpLine.exec(line);
    if (!match) continue;
    const [, indent = "", group = "", element = "", vr = "", shown = "", length = ""] = match;
    placeDumpLine(lists, indent.length / 2, { tag: Number.parseInt(group + element, 16), vr, shown, length });
  }
  return root;
}

function placeDumpLine(
  lists: PeerElement[][],
  depth: number,
  line: { tag: number; vr: string; shown: string; length: string },
): void {
  const { tag, vr, shown } = line;
  const length = line.length === "u/l" ? undefined : Number(line.length);
  if (tag === 0xfffee000) {
    const owner = lists[depth - 1]!.at(-1)!;
    if (vr === "pi") {
      (owner.fragments as number[]).push(length!);
      return;
    }
    const item: PeerElement[] = [];
    (owner.items as PeerElement[][]).push(item);
    lists[depth + 1] = item;
    return;
  }
  if (tag >>> 16 === 0xfffe) return;
  const common = { tag, vr: internalVrs.get(vr) ?? vr, length };
  if (shown.startsWith("(Sequence with")) lists[depth]!.push({ ...common, items: [] });
  else if (shown.startsWith("(PixelSequence"))
    lists[depth]!.push({ ...common, items: undefined, fragments: [] });
  else {
    const cut = shown.endsWith("...");
    lists[depth]!.push({
      ...common,
      items: undefined,
      shown: { text: cut ? shown.slice(0, -3) : shown, cut },
    });
  }
}

/** A difference, by kind and place. */
export interface Difference {
  readonly kind: string;
  readonly where: string;
}

/** Compares our index with a peer's; `dataSource` bytes are hashed where the peer gives a digest. */
export function differences(
  ours: readonly DataElement[],
  theirs: readonly PeerElement[],
  data: Bytes,
  path = "",
): Difference[] {
  const out: Difference[] = [];
  const byTag = new Map(theirs.map((element) => [element.tag, element]));
  for (const element of ours) {
    const where = path + formatTag(element.tag);
    const other = byTag.get(element.tag);
    byTag.delete(element.tag);
    if (other) out.push(...compareElement(element, other, data, where));
    else out.push({ kind: "only ours", where });
  }
  for (const tag of byTag.keys()) out.push({ kind: "only theirs", where: path + formatTag(tag) });
  return out;
}

function compareElement(element: DataElement, other: PeerElement, data: Bytes, where: string): Difference[] {
  const out: Difference[] = [];
  const differ = (kind: string): void => void out.push({ kind, where });
  if (other.vr !== undefined && other.vr !== element.vr) differ(`VR ${element.vr}, theirs ${other.vr}`);
  const length = element.undefinedLength ? undefined : element.length;
  const says = other.digest !== undefined || other.shown !== undefined || other.length !== undefined;
  if (says && other.length !== length) differ(`length ${length}, theirs ${other.length}`);
  if ((element.items === undefined) !== (other.items === undefined)) differ("nested for one");
  else if (element.items?.length !== other.items?.length) differ("number of items");
  else {
    for (const [i, item] of (element.items ?? []).entries()) {
      out.push(...differences(item.elements, other.items![i]!, data, `${where}[${i}]`));
    }
  }
  const value = data.subarray(element.valueOffset, element.valueOffset + element.length);
  if (other.digest !== undefined && createHash("sha1").update(value).digest("hex") !== other.digest)
    differ("value");
  if (other.fragments && element.fragments?.map((f) => f.length).join() !== other.fragments.join())
    differ("fragments");
  if (other.shown && !isShownAs(element, value, other.shown)) differ("value as shown");
  return out;
}

/** Whether dcmdump's print is what we would print of the value; floating point is left to pydicom's digests. */
function isShownAs(element: DataElement, value: Bytes, shown: { text: string; cut: boolean }): boolean {
  const { text, cut } = shown;
  if (text === "(no value available)") return value.every((byte) => byte === 0x20 || byte === 0);
  const expected = printed(element, cut ? value.subarray(0, 512) : value);
  if (expected === undefined) return true;
  return cut ? expected.startsWith(text) : expected === text.replace(/(?: |\\000)*\]$/, "]");
}

function printed(element: DataElement, value: Bytes): string | undefined {
  const { vr, encoding } = element;
  if (vrTraits[vr].text) {
    const content = latin1(value).replace(/[ \0]+$/, "");
    return `[${[...content].map(quoted).join("")}]`;
  }
  const view = viewOf(value);
  const { width } = vrTraits[vr];
  const read: Partial<Record<string, (at: number) => string>> = {
    US: (at) => `${view.getUint16(at, !encoding.bigEndian)}`,
    SS: (at) => `${view.getInt16(at, !encoding.bigEndian)}`,
    UL: (at) => `${view.getUint32(at, !encoding.bigEndian)}`,
    SL: (at) => `${view.getInt32(at, !encoding.bigEndian)}`,
    OB: (at) => value[at]!.toString(16).padStart(2, "0"),
    UN: (at) => value[at]!.toString(16).padStart(2, "0"),
    OW: (at) => view.getUint16(at, !encoding.bigEndian).toString(16).padStart(4, "0"),
  };
  const show = read[vr];
  if (!show || value.length % width !== 0) return undefined;
  return Array.from({ length: value.length / width }, (_, i) => show(i * width)).join("\\");
}

function quoted(character: string): string {
  const code = character.charCodeAt(0);
  const plain = code >= 0x20 && code < 0x7f;
  return plain ? character : `\\${code.toString(8).padStart(3, "0")}`;
}
