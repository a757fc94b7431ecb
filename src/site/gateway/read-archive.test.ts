import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import { closeEnds, fourObjects, serve } from "../../../test/dicom-network/query-retrieve-ends.ts";
import { tags } from "../../dicom/tags.ts";
import type { DimseProvider } from "../../dicom-network/dimse/service.ts";
import type { InstanceName } from "../../zero-trust/gateway/reading/ports.ts";
import type { ArchiveSettings } from "../../zero-trust/gateway/settings.ts";
import { ArchiveInForce, openReadArchive, type SearchableArchive } from "./read-archive.ts";

it("over DIMSE never takes all associations of an archive that has four, and releases those that rest", async () => {
  const objects = await fourObjects();
  const provider: DimseProvider = new MemoryArchive(objects);
  const port = await serve(provider);
  onTestFinished(closeEnds);
  let open = 0;
  let most = 0;
  const { admit } = provider;
  provider.admit = (...asked) => {
    most = Math.max(most, ++open);
    return admit.apply(provider, asked);
  };
  provider.ended = () => {
    open--;
  };
  const archive = openReadArchive(
    {
      ...{ name: "pacs", tolerate: [] },
      through: { protocol: "dimse", host: "127.0.0.1", port, aeTitle: "PACS" },
    },
    { aeTitle: "US", staging: tmpdir() },
  );
  onTestFinished(() => archive.close());
  const names = await listOf(archive, objects[0]!.textOf(tags.studyInstanceUid));
  const all = [...names, ...names, ...names].map(async (name) => {
    let bytes = 0;
    for await (const piece of (await archive.fetch(name))!) bytes += piece.length;
    return bytes;
  });
  expect((await Promise.all(all)).every((bytes) => bytes > 0)).toBe(true);
  expect(most).toBeLessThanOrEqual(3);
  await expect.poll(() => open, { timeout: 3_000 }).toBe(0);
  // And takes one again.
  for await (const _ of (await archive.fetch(names[0]!))!);
});

async function listOf(archive: SearchableArchive, studyInstanceUid: string): Promise<InstanceName[]> {
  const names: InstanceName[] = [];
  for await (const name of archive.list({ studyInstanceUid })) names.push(name);
  return names;
}

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
