/** An archive over DICOMweb, honest and otherwise: a server in this process answers what each test says. */

import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { sampleFile } from "../../../test/cli/scanseal-process.ts";
import { onlyPart } from "../../dicom-network/dicomweb/multipart-reader.ts";
import type { SearchLimits } from "../../dicom-network/dicomweb/web-client.ts";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { WebArchive } from "./web-archive.ts";

const staging = mkdtempSync(join(tmpdir(), "scanseal-web-"));
afterAll(() => rmSync(staging, { recursive: true, force: true }));
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function archiveThat(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  authorization?: string,
  limits?: SearchLimits,
): Promise<WebArchive> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return new WebArchive(`http://127.0.0.1:${port}/dicom-web`, { authorization, staging, limits });
}

const json = (...matches: Record<string, string>[]): string =>
  JSON.stringify(
    matches.map((match) =>
      Object.fromEntries(Object.entries(match).map(([tag, uid]) => [tag, { vr: "UI", Value: [uid] }])),
    ),
  );
const object = sampleFile("2.25.5");
const part = (bytes: Bytes): Buffer =>
  Buffer.concat([
    Buffer.from("\r\n--bound\r\nContent-Type: application/dicom\r\n\r\n"),
    bytes,
    Buffer.from("\r\n--bound--\r\n"),
  ]);
const multipart = { "content-type": 'multipart/related; type="application/dicom"; boundary="bound"' };

describe("an archive", () => {
  it("is walked study by study, and gives its objects byte for byte", async () => {
    const asked: string[] = [];
    const archive = await archiveThat((request, response) => {
      const { pathname, searchParams } = new URL(request.url!, "http://x");
      asked.push(`${request.headers.authorization} ${pathname}`);
      const isNext = searchParams.get("offset") !== "0";
      if (pathname.endsWith("/2.25.5")) response.writeHead(200, multipart).end(part(object));
      else if (isNext) response.writeHead(204).end();
      else if (pathname.endsWith("/studies"))
        response.end(json({ "0020000D": "2.25.1" }, { "0020000D": "2.25.2" }));
      else if (pathname.endsWith("/series")) response.end(json({ "0020000E": "2.25.3" }));
      else response.end(json({ "00080018": "2.25.5" }));
    }, "Basic x");
    expect(await archive.studies()).toEqual(["2.25.1", "2.25.2"]);
    const got: Bytes[] = [];
    for await (const item of archive.instances("2.25.1"))
      await item.withBytes(async (source) => void got.push((await source.read(0, source.size)).slice()));
    expect(got.map((bytes) => Buffer.from(bytes))).toEqual([Buffer.from(object)]);
    expect(asked).toContain("Basic x /dicom-web/studies/2.25.1/series/2.25.3/instances/2.25.5");
  });

  it("that does not know offset ends too", async () => {
    const archive = await archiveThat((_, response) => void response.end(json({ "0020000D": "2.25.1" })));
    expect(await archive.studies()).toEqual(["2.25.1"]);
  });

  const hostile: readonly (readonly [string, string, (response: ServerResponse) => void])[] = [
    ["a UID that is a path", "peer-protocol", (to) => to.end(json({ "0020000D": "../../admin" }))],
    ["a UID of dots", "peer-protocol", (to) => to.end(json({ "0020000D": ".." }))],
    ["no UID", "peer-protocol", (to) => to.end(json({}))],
    ["null", "peer-protocol", (to) => to.end("[null]")],
    ["no list", "peer-protocol", (to) => to.end('{"a":1}')],
    ["HTML", "peer-protocol", (to) => to.end("<html>")],
    ["an error", "peer-rejected", (to) => to.writeHead(500).end()],
    ["that it is away", "network", (to) => to.writeHead(503).end()],
    [
      "a redirect elsewhere",
      "peer-rejected",
      (to) => to.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
    ],
    [
      "an end in the middle",
      "network",
      (to) => to.writeHead(200, { "content-length": "100" }).write("[", () => to.destroy()),
    ],
  ];
  it.each(hostile)("that answers with %s is told as %s", async (_, code, answer) => {
    const archive = await archiveThat((request, response) => {
      request.resume();
      answer(response);
    });
    await expect(archive.studies()).rejects.toMatchObject({ code });
  });

  it("that lists without end, in answers without end, or never, is given up, where there are limits", async () => {
    let answers = 0;
    const listed = async (
      limits: Partial<SearchLimits>,
      answer: (response: ServerResponse) => void,
      only?: string,
    ): Promise<number | string> => {
      answers = 0;
      const all = { answerBytesMax: 1 << 20, matchesMax: 2_500, ms: 60_000, ...limits };
      const archive = await archiveThat((_, response) => answer(response), undefined, all);
      let count = 0;
      try {
        for await (const _ of archive.list("2.25.3", "2.25.4", only)) count++;
        return count;
      } catch (error) {
        return (error as ScansealError).code;
      }
    };
    const page = (response: ServerResponse): void => {
      const uids = Array.from({ length: 1000 }, (_, i) => ({ "00080018": `2.25.9${answers}${i + 1000}` }));
      answers++;
      response.end(json(...uids));
    };
    expect(await listed({}, page)).toBe("peer-protocol");
    expect(answers).toBe(3);
    expect(await listed({ answerBytesMax: 10_000 }, page)).toBe("peer-protocol");
    expect(answers).toBe(1);
    expect(await listed({}, page, "2.25.1")).toBe(1000);
    expect(answers).toBe(1);
    expect(await listed({ ms: 50 }, () => undefined)).toBe("network");
  });

  it("that lists series after series without one instance is given up, too", async () => {
    const limits = { answerBytesMax: 1 << 20, matchesMax: 100_000, ms: 300 };
    const archive = await archiveThat(
      ({ url }, response) => {
        const uids = Array.from({ length: 1000 }, (_, i) => ({ "0020000E": `2.25.9${i + 1000}` }));
        if (!url!.includes("/instances")) response.end(json(...uids));
        else setTimeout(() => response.writeHead(204).end(), 20);
      },
      undefined,
      limits,
    );
    await expect(archive.list("2.25.3").next()).rejects.toMatchObject({
      code: expect.stringMatching(/timeout|network/),
    });
  });

  it("is named by an address without password, and without a question", () => {
    for (const url of ["ftp://x/", "x", "https://user:pass@x/", "https://x/?a=b", "file:///etc/passwd"])
      expect(() => new WebArchive(url, { authorization: undefined, staging })).toThrow(ScansealError);
  });
});

async function partOf(body: Bytes, pieces: readonly number[], type: string): Promise<Bytes> {
  async function* chunks(): AsyncGenerator<Bytes> {
    let at = 0;
    for (const piece of pieces) {
      yield body.subarray(at, at + piece);
      at += piece;
    }
    yield body.subarray(at);
  }
  const parts: Bytes[] = [];
  for await (const chunk of onlyPart(type, chunks())) parts.push(chunk.slice());
  return concatBytes(parts);
}

describe("a multipart answer", () => {
  const type = "multipart/related; boundary=bound";

  it("of any content gives it back, however it is cut", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 400 }),
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 }),
        async (content, pieces) => {
          const like = concatBytes([content, new TextEncoder().encode("\r\n--boun")]);
          expect(await partOf(new Uint8Array(part(like)), pieces, type)).toEqual(like);
        },
      ),
    );
  });

  it("without an end, without a part, with two parts, or of another type is refused", async () => {
    const whole = new Uint8Array(part(object));
    const two = concatBytes([whole.subarray(0, -4), new TextEncoder().encode("\r\n\r\n"), object]);
    const refused: readonly (readonly [Bytes, string])[] = [
      [whole.subarray(0, -6), type],
      [new Uint8Array(0), type],
      [new Uint8Array(1 << 20), type],
      [two, type],
      [whole, "application/dicom"],
      [whole, "multipart/related"],
      [whole, "multipart/related; boundary=other"],
    ];
    for (const [body, of] of refused)
      await expect(partOf(body, [], of)).rejects.toMatchObject({ code: "peer-protocol" });
  });
});
