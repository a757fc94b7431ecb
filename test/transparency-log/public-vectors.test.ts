/**
 * Vectors that others published, read in place: `merkle` and `tessera` (or `trillian-tessera`) of github.com/transparency-dev in the folder that
 * test/peers.ts looks for. None of them is committed here.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Bytes, equalBytes, fromBase64 } from "../../src/foundation/bytes.ts";
import { parseCheckpoint } from "../../src/provenance/transparency-log/proof/checkpoint.ts";
import { entriesOf } from "../../src/provenance/transparency-log/proof/entry-bundle.ts";
import { inclusionRoot, isConsistent } from "../../src/provenance/transparency-log/proof/merkle-proof.ts";
import { hashesOf } from "../../src/provenance/transparency-log/proof/tile.ts";
import { TreeBuilder } from "../../src/provenance/transparency-log/proof/tree-builder.ts";
import { describePeer, peerPath } from "../peers.ts";
import { hasher } from "./memory-log.ts";

interface Vector {
  readonly desc: string;
  readonly wantErr: boolean;
  readonly proof: readonly string[] | null;
  readonly leafIdx?: number;
  readonly treeSize?: number;
  readonly root?: string;
  readonly leafHash?: string;
  readonly size1?: number;
  readonly size2?: number;
  readonly root1?: string;
  readonly root2?: string;
}

function vectorsBelow(folder: string): Vector[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".json"))
    .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Vector);
}

const bytes = (text: string | undefined): Bytes => fromBase64(text ?? "");
const path = ({ proof }: Vector): Bytes[] => (proof ?? []).map(bytes);

function includes(vector: Vector): boolean {
  const { leafIdx = 0, treeSize = 0 } = vector;
  const reached = inclusionRoot(leafIdx, treeSize, bytes(vector.leafHash), path(vector), hasher);
  return reached !== undefined && equalBytes(reached, bytes(vector.root));
}

function grows(vector: Vector): boolean {
  const older = { size: vector.size1 ?? 0, root: bytes(vector.root1) };
  return isConsistent(older, { size: vector.size2 ?? 0, root: bytes(vector.root2) }, path(vector), hasher);
}

describePeer("log-vectors", "transparency-dev/merkle testdata", () => {
  const testdata = join(peerPath("log-vectors"), "merkle", "testdata");
  it.each([
    ["inclusion", includes],
    ["consistency", grows],
  ] as const)("%s", (name, holds) => {
    const all = vectorsBelow(join(testdata, name));
    expect(all.length).toBeGreaterThan(0);
    const wrong = all.filter((vector) => holds(vector) === vector.wantErr);
    // Two equal "roots" of another length than a root has: refused here.
    const stricter = wrong.filter(
      ({ root1, wantErr }) => !wantErr && root1 !== undefined && bytes(root1).length !== 32,
    );
    expect(wrong.filter((vector) => !stricter.includes(vector)).map(({ desc }) => desc)).toEqual([]);
    expect(stricter.length).toBeLessThanOrEqual(1);
  });
});

describePeer("log-vectors", "tessera's test log", () => {
  const root = peerPath("log-vectors");
  const names = ["tessera", "trillian-tessera"].map((name) => join(root, name, "testdata", "log"));
  const folder = names.find((name) => existsSync(name)) ?? names[0]!;
  it("every checkpoint is the root of its tiles and bundles", () => {
    const sizes = readdirSync(folder).flatMap((name) => /^checkpoint\.([0-9]+)$/.exec(name)?.[1] ?? []);
    expect(sizes.length).toBeGreaterThan(10);
    for (const size of sizes.map(Number).filter((count) => count > 0)) {
      const { root: expected, size: said } = parseCheckpoint(
        readFileSync(join(folder, `checkpoint.${size}`)),
      );
      expect(said).toBe(size);
      const builder = new TreeBuilder(hasher);
      const bundle = readFileSync(join(folder, `tile/entries/000.p/${size}`));
      const tile = hashesOf(readFileSync(join(folder, `tile/0/000.p/${size}`)), size);
      entriesOf(bundle, size).forEach((entry, index) => {
        expect(equalBytes(hasher.leaf(entry), tile[index]!)).toBe(true);
        builder.add(tile[index]!);
      });
      expect(equalBytes(builder.root(), expected)).toBe(true);
    }
  });
});
