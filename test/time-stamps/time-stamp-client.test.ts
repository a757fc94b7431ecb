/** The client against an authority that answers as it should, and against ones that do not. */
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:http";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { utf8 } from "../../src/foundation/bytes.ts";
import { derInteger, derSequence, derUtf8 } from "../../src/keys/custody/der-writer.ts";
import { TimeStampTrust } from "../../src/keys/trust/time-stamp.ts";
import { nodeCrypto, nodeRandom, systemClock } from "../../src/platform/node/crypto.ts";
import { type NewStamp, requestTimeStamp } from "../../src/site/provenance/time-stamp-client.ts";
import { describePeer } from "../peers.ts";
import { authorityServer } from "./authority-server.ts";
import { OpensslAuthority } from "./openssl-authority.ts";

let folder = "";
let authority: OpensslAuthority;
const message = utf8("a signature");

describePeer("openssl", "Asking for a stamp", () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scanseal-stamp-client-"));
    authority = new OpensslAuthority(join(folder, "one"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  async function askAt(server: Server, policies: readonly string[] = []): Promise<NewStamp> {
    servers.push(server);
    await new Promise<void>((done) => {
      server.listen(0, "127.0.0.1", done);
    });
    const { port } = server.address() as AddressInfo;
    const trust = new TimeStampTrust({ anchors: [authority.anchor], policies }, nodeCrypto);
    const source = { url: `http://127.0.0.1:${port}/`, trust, clock: systemClock, random: nodeRandom };
    return requestTimeStamp(message, source);
  }

  it("gives a token that openssl takes too", async () => {
    const { token, fact } = await askAt(authorityServer((request) => authority.reply(request)));
    expect(fact.authority).toBe("O=Test, CN=Test clock");
    expect(authority.doesOpensslAccept(token, message)).toBe(true);
  });

  it("is refused for an answer to another request, also of the same message", async () => {
    const answers: Uint8Array[] = [];
    const replay = (request: Buffer): Uint8Array => {
      answers.push(authority.reply(request));
      return answers[0]!;
    };
    await askAt(authorityServer(replay));
    await expect(askAt(authorityServer(replay))).rejects.toMatchObject({
      code: "peer-protocol",
      message: expect.stringContaining("step nonce"),
    });
  });

  it("is refused for a policy or an authority that nobody named", async () => {
    const answer = (request: Buffer): Uint8Array => authority.reply(request);
    await expect(askAt(authorityServer(answer), ["1.2.3.4"])).rejects.toThrow("step policy");
    const stranger = new OpensslAuthority(join(folder, "stranger"));
    await expect(askAt(authorityServer((request) => stranger.reply(request)))).rejects.toThrow(
      "step authority",
    );
  });

  it("tells why the authority gives none", async () => {
    const refusal = derSequence(derSequence(derInteger(2), derSequence(derUtf8("not today"))));
    await expect(askAt(authorityServer(() => refusal))).rejects.toMatchObject({
      code: "peer-rejected",
      message: "the authority gives no stamp (status 2: not today)",
    });
  });

  it.each<[string, (request: Buffer) => Uint8Array]>([
    ["nothing", () => new Uint8Array()],
    ["a token cut short", (request) => authority.reply(request).subarray(0, -1)],
    ["something behind the answer", (request) => Buffer.concat([authority.reply(request), Buffer.of(0)])],
    ["a status without a token", () => derSequence(derSequence(derInteger(0)))],
  ])("is refused for %s", async (_, reply) => {
    await expect(askAt(authorityServer(reply))).rejects.toMatchObject({ code: "peer-protocol" });
  });

  it("reads no more than an answer can have, follows nobody, and takes no web page", async () => {
    const flood = authorityServer(() => new Uint8Array(100_000));
    await expect(askAt(flood)).rejects.toMatchObject({ code: "network", message: /too much/ });
    const elsewhere = createServer((_, response) =>
      response.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
    );
    await expect(askAt(elsewhere)).rejects.toMatchObject({ code: "network" });
    const page = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
    );
    await expect(askAt(page)).rejects.toMatchObject({ code: "network" });
    const broken = createServer((_, response) => response.writeHead(500).end());
    await expect(askAt(broken)).rejects.toMatchObject({ code: "network", message: /500/ });
    const dead = createServer((request) => request.socket.destroy());
    await expect(askAt(dead)).rejects.toMatchObject({ code: "network", message: /reached/ });
  });
});
