/** The watermark in a browser: the same sources, the browser's own cryptography, and bit for bit what Node makes. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { describePeer, projectRoot } from "../peers.ts";
import vectorsJson from "../vectors/watermark/frames.json" with { type: "json" };
import type { WatermarkVectors } from "../vectors/watermark/vectors.ts";
import { browserCrypto } from "./browser-crypto.ts";
import { runInChromium } from "./chromium-run.ts";
import { type Answers, answersTo } from "./watermark-answers.ts";

const folder = "test/vectors/watermark";
const vectors = vectorsJson as unknown as WatermarkVectors;

const script = `
  const { answersTo } = await import("/test/interop/watermark-answers.ts");
  const { browserCrypto } = await import("/test/interop/browser-crypto.ts");
  const vectors = await (await fetch("/${folder}/frames.json")).json();
  const raw = async (name) => new Uint8Array(await (await fetch("/${folder}/" + name)).arrayBuffer());
  return { agent: navigator.userAgent, answers: await answersTo(vectors, raw, browserCrypto) };`;

const rawFile = async (name: string): Promise<Uint8Array> =>
  new Uint8Array(readFileSync(join(projectRoot, folder, name)));

describePeer("chromium", "the watermark in Chromium", () => {
  let inNode: Answers;
  let inChromium: { agent: string; answers: Answers };

  beforeAll(async () => {
    inNode = await answersTo(vectors, rawFile, nodeCrypto);
    inChromium = (await runInChromium(script)) as typeof inChromium;
  });

  it("marks, checks, locates and restores all vectors and generated frames as in Node, bit for bit", () => {
    expect(inChromium.agent).toContain("Chrome");
    expect(Object.keys(inChromium.answers)).toEqual(Object.keys(inNode));
    for (const [name, answer] of Object.entries(inNode)) {
      expect(inChromium.answers[name], name).toEqual(answer);
    }
  });

  it("makes what the vectors hold", () => {
    for (const { name, expected, altered } of vectors.frames) {
      const { root, tileDigests } = expected;
      expect(inChromium.answers[`${name}: embed`]).toMatchObject({ root, tileDigests });
      const intact = { facts: { intact: true, signature: "valid" }, recovered: { status: "exact" } };
      expect(inChromium.answers[`${name}: check`], name).toMatchObject(intact);
      expect(inChromium.answers[`${name}: stripped`], name).toMatchObject({ facts: { intact: true } });
      for (const { attack, found } of altered) {
        const facts = found ? { found, intact: false } : { found };
        expect(inChromium.answers[`${name}: ${attack}`], name).toMatchObject({ facts });
      }
    }
  });

  it("restores every generated frame that can be marked", () => {
    const answers = Object.entries(inChromium.answers).filter(([name]) => name.startsWith("generated"));
    const marked = answers.map(([, answer]) => answer as object).filter((answer) => !("markable" in answer));
    expect(marked.length).toBeGreaterThan(40);
    for (const answer of marked) expect(answer).toMatchObject({ recovered: "exact", isOriginal: true });
  });

  it("takes the browser's port in Node for the same", async () => {
    expect(await answersTo(vectors, rawFile, browserCrypto)).toEqual(inNode);
  });
});
