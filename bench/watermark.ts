/** Marking, checking and restoring a frame, against hashing it: one thread, 512 x 512 samples of 12 bits. */
import { createHash, generateKeyPairSync, sign, verify } from "node:crypto";
import { checkFrame } from "../src/invisible-watermark/check.ts";
import { signatureFromDer, withLowS } from "../src/invisible-watermark/ecdsa-signature.ts";
import { type MarkKeys, prepareMark } from "../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../src/invisible-watermark/frame.ts";
import { recoverFrame } from "../src/invisible-watermark/recover.ts";
import { generateChestSeries } from "../src/phantom/chest-ct.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { type Benchmark, compare } from "./compare.ts";

const side = 512;
const bits = 12;
const rounds = 400;

function frames(): PlanarFrame[] {
  const slices = [...generateChestSeries({ seed: 1, slices: 8, studyDate: "20260101" })];
  return slices.map(({ pixels }) => {
    const plane = Uint16Array.from(pixels);
    return { width: side, height: side, bits, signed: false, colour: "mono", planes: [plane] };
  });
}

export const watermark: Benchmark = {
  name: "watermark",
  about: `A CT slice of the phantom, ${side} x ${side}, ${bits} bits, keyed tags and encrypted recovery, one thread. Two bytes a sample: MP/s are half of the MB/s. Targets: embed 15 (aim 30), check 60, recover 30 MP/s.`,
  async measure() {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const spki = new Uint8Array(publicKey.export({ type: "spki", format: "der" }));
    const keys: MarkKeys = {
      keyId: new Uint8Array(8),
      locatorKey: new Uint8Array(32).fill(1),
      recoveryKey: new Uint8Array(32).fill(2),
    };
    const originals = frames();
    const mark = (turn: number): PlanarFrame => {
      const original = originals[turn % originals.length]!;
      const id = { contentId: new Uint8Array(16), frameNo: turn };
      const prepared = prepareMark(original, id, keys, nodeCrypto);
      if (!prepared.markable) throw new Error(prepared.reason);
      const signature = sign("sha256", prepared.toBeSigned, privateKey);
      if (!verify("sha256", prepared.toBeSigned, publicKey, signature)) throw new Error("signature");
      return prepared.finish(withLowS(signatureFromDer(new Uint8Array(signature))!)).frame;
    };
    const marked = originals.map((_, i) => mark(i));
    const checked = await Promise.all(marked.map((frame) => checkFrame(frame, nodeCrypto, () => spki)));
    const bytes = 2 * side * side;
    let turn = 0;
    return compare(
      [
        {
          name: "SHA-256 of the samples",
          bytes,
          run: () =>
            createHash("sha256")
              .update(marked[turn++ % marked.length]!.planes[0]!)
              .digest(),
        },
        { name: "embed, signature included", bytes, run: () => mark(turn++) },
        {
          name: "check",
          bytes,
          async run() {
            const { facts } = await checkFrame(marked[turn++ % marked.length]!, nodeCrypto, () => spki);
            if (!facts.found || !facts.intact) throw new Error("not intact");
          },
        },
        {
          name: "recover, of a frame that was checked",
          bytes,
          run() {
            const { mark: read } = checked[turn++ % checked.length]!;
            const { status } = recoverFrame(read!, nodeCrypto, { recoveryKey: keys.recoveryKey });
            if (status !== "exact") throw new Error(status);
          },
        },
      ],
      rounds,
    );
  },
};
