import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import { ArchiveInForce } from "./read-archive.ts";

/** Gives every instance: its name, and the rest when `goesOn` resolves. */
async function archiveServer(name: string, goesOn: Promise<void>): Promise<ArchiveSettings> {
  const server = createServer(async (_, response) => {
    response.setHeader("content-type", 'multipart/related; type="application/dicom"; boundary=b');
    response.write(`--b\r\n\r\n${name.padEnd(100_000)}`);
    await goesOn;
    response.end("end\r\n--b--");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { name, tolerate: [], through: { protocol: "dicomweb", url } };
}

it("is another one from the change on; what is under way ends where it began", async () => {
  const staging = mkdtempSync(join(tmpdir(), "scanseal-archive-"));
  onTestFinished(() => rmSync(staging, { recursive: true, force: true }));
  const { promise: goesOn, resolve } = Promise.withResolvers<void>();
  const archive = new ArchiveInForce(await archiveServer("old", goesOn), { aeTitle: "GATE", staging });
  onTestFinished(() => archive.close());
  const asked = { studyInstanceUid: "1", seriesInstanceUid: "1", sopInstanceUid: "1" };
  const text = async (bytes: AsyncIterable<Uint8Array> | undefined): Promise<string> => {
    let all = "";
    for await (const piece of bytes ?? []) all += Buffer.from(piece).toString("latin1");
    return all.replaceAll(" ", "");
  };
  const before = await archive.fetch(asked);
  await archive.apply(await archiveServer("new", Promise.resolve()));
  expect(archive.name).toBe("new");
  expect(await text(await archive.fetch(asked))).toBe("newend");
  resolve();
  expect(await text(before)).toBe("oldend");
});
