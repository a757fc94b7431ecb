/** `scanseal verify image.png`: nothing but pixels is left of the object. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../src/foundation/bytes.ts";
import { signatureFromDer, withLowS } from "../../src/invisible-watermark/ecdsa-signature.ts";
import { prepareMark } from "../../src/invisible-watermark/embed.ts";
import type { PlanarFrame } from "../../src/invisible-watermark/frame.ts";
import { keyIdOf } from "../../src/invisible-watermark/keys.ts";
import { watermarkKeysOf } from "../../src/keys/custody/watermark-master.ts";
import { encodePem } from "../../src/keys/trust/pem.ts";
import { nodeCrypto, nodeRandom } from "../../src/platform/node/crypto.ts";
import { writePng } from "../../src/platform/node/png.ts";
import type { SiteHome } from "../../src/site/home.ts";
import { makeSealedSite, type SealedSite } from "../gateway/sealed-site.ts";
import { image, withoutSeal } from "../watermark/marked-objects.ts";
import { makeWorkplace } from "./scanseal-process.ts";

const size = 256;
/** 12 bits, signed, with an anatomy of sorts and noise. */
function slice(): PlanarFrame {
  const plane = new Uint16Array(size * size);
  for (let i = 0; i < plane.length; i++) {
    const [x, y] = [(i % size) - 128, Math.floor(i / size) - 128];
    const inside = x * x + y * y < 10_000 ? 1000 : 40;
    plane[i] = inside + ((Math.imul(i, 2_654_435_761) >>> 28) - 8) + ((x * x) >> 8);
  }
  return { width: size, height: size, bits: 12, signed: true, colour: "mono", planes: [plane] };
}

async function marked(home: SiteHome): Promise<Uint16Array> {
  const { device } = await home.openDevice("CT1");
  const keyId = keyIdOf(device.signer.certificate, nodeCrypto);
  const keys = { keyId, ...watermarkKeysOf(home.watermarkMaster(), keyId, nodeCrypto) };
  const id = { contentId: nodeRandom.bytes(16), frameNo: 4 };
  const prepared = prepareMark(slice(), id, keys, nodeCrypto);
  if (!prepared.markable) throw new Error(prepared.reason);
  const operation = device.signer.start();
  operation.update(prepared.toBeSigned);
  const { frame } = prepared.finish(withLowS(signatureFromDer(await operation.sign())!));
  return frame.planes[0]!;
}

/** As an export writes it: stored values, unsigned. */
function png(samples: Uint16Array): Uint8Array {
  return writePng({ width: size, height: size, depth: 16, channels: 1, samples });
}

describe("image files", () => {
  const place = makeWorkplace();
  let site: SealedSite;
  let pixels: Uint16Array;
  beforeAll(async () => {
    site = await makeSealedSite();
    pixels = await marked(site.home);
    place.write("intact.png", png(pixels));
    const altered = pixels.slice();
    altered[100 * size + 37]! ^= 2;
    place.write("altered.png", png(altered));
    place.write("never.png", png(slice().planes[0]!));
    place.write("damaged.png", png(pixels).subarray(0, 4000));
    const { device } = await site.home.openDevice("CT1");
    place.write("ct1.pem", encodePem("CERTIFICATE", device.signer.certificate));
  });
  afterAll(() => site.remove());
  const verify = (
    ...args: string[]
  ): { status: number | null; lines: Record<string, unknown>[]; stderr: string } => {
    const { status, stdout, stderr } = place.run(
      "verify",
      "--json",
      "--home",
      `${site.folder}/home`,
      ...args,
    );
    const lines = stdout.split("\n").filter((line) => line !== "");
    return { status, stderr, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
  };

  it("intact, altered, never marked: each has its own result and exit status", () => {
    expect(verify("intact.png")).toMatchObject({
      status: 0,
      lines: [{ path: "intact.png", result: "pixels-intact", mark: { frame: 4, signer: { signer: "CT1" } } }],
    });
    const { status, lines } = verify("altered.png", "never.png");
    expect(status).toBe(1);
    expect(lines).toMatchObject([
      {
        result: "pixels-altered",
        located: { basis: "site-key", rectangles: [{ x0: 32, y0: 96, x1: 48, y1: 112 }] },
      },
      { result: "no-watermark", mark: null },
    ]);
  });

  it("what is no whole PNG file is an error", () => {
    const { status, stderr } = verify("damaged.png", "intact.png");
    expect(status).toBe(2);
    expect(stderr).toContain("damaged.png: the PNG file is damaged");
  });

  it("the table says the same, and never that anything is verified", () => {
    const { stdout, status } = place.run(
      "verify",
      "--home",
      `${site.folder}/home`,
      "intact.png",
      "altered.png",
      "never.png",
    );
    expect(status).toBe(1);
    expect(stdout).toContain("3 images: 1 pixels-intact, 1 pixels-altered, 1 no-watermark");
    expect(stdout).toContain("16x16 at 32,96");
    expect(stdout.toLowerCase()).not.toContain("verified");
  });

  it("another site sees whole superblocks, and only with the device's certificate and trust in its authority", async () => {
    const other = await makeSealedSite();
    try {
      const ask = (...args: string[]): Record<string, unknown>[] => {
        const { stdout } = place.run("verify", "--json", "--home", `${other.folder}/home`, ...args);
        return stdout
          .split("\n")
          .filter((line) => line !== "")
          .map((line) => JSON.parse(line) as Record<string, unknown>);
      };
      expect(ask("intact.png")).toMatchObject([{ result: "no-watermark", mark: { frame: 4 } }]);
      const known = ask("intact.png", "--certificate", "ct1.pem");
      expect(known).toMatchObject([{ result: "no-watermark" }]);
      expect(known[0]!.reason).toContain("signer-not-recognised");
      place.write("anchors.pem", utf8(place.run("trust", "export", "--home", `${site.folder}/home`).stdout));
      const imported = place.run("trust", "import", "--home", `${other.folder}/home`, "anchors.pem");
      expect(imported.stderr).toBe("");
      expect(ask("altered.png", "--certificate", "ct1.pem")).toMatchObject([
        {
          result: "pixels-altered",
          located: { basis: "superblocks", rectangles: [{ x0: 0, y0: 64, x1: 64, y1: 128 }] },
        },
      ]);
      // The same of a DICOM object without its seal.
      place.write("stripped.dcm", await withoutSeal(await site.sealMarked(image())));
      const codes = (...args: string[]): unknown[] =>
        (ask("stripped.dcm", ...args)[0]!.findings as { readonly code: string }[]).map(({ code }) => code);
      expect(codes()).not.toContain("seal-stripped");
      expect(codes("--certificate", "ct1.pem")).toContain("seal-stripped");
    } finally {
      other.remove();
    }
  });
});
