/** The OCSP client against a responder that answers as it should, and against ones that do not. */
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Bytes, equalBytes } from "../../src/foundation/bytes.ts";
import { derGeneralizedTime } from "../../src/keys/custody/der-writer.ts";
import { ocspRequest } from "../../src/keys/custody/ocsp-request.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import { SignerRecognition } from "../../src/keys/trust/signer-recognition.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto } from "../../src/platform/node/crypto.ts";
import { type NewStatus, requestStatus } from "../../src/site/provenance/ocsp-client.ts";
import { build, type CertificateSpec, day, goodChain, judgedAt } from "./forged-chains.ts";
import {
  buildResponse,
  errorResponse,
  goodResponse,
  nonceExtension,
  type ResponseSpec,
  revokedAt,
  unknown,
} from "./forged-ocsp.ts";

const [device, root] = goodChain("P-256", 2) as [CertificateSpec, CertificateSpec];
const [certificate, anchor] = [build(device), build(root)];
const issuer = parseCertificate(anchor, nodeCrypto);
const store = createTrustStore({ anchors: [{ certificate: anchor, label: "" }] }, nodeCrypto);

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  await new Promise<void>((done) => {
    server.listen(0, "127.0.0.1", done);
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const nonce = new Uint8Array(32).fill(9);

function ask(url: string): Promise<NewStatus> {
  const recognition = new SignerRecognition(store, nodeCrypto);
  const source = { url, recognition, clock: { now: () => judgedAt }, random: { bytes: () => nonce } };
  return requestStatus(certificate, issuer, source);
}

async function askFor(bytes: Bytes): Promise<NewStatus> {
  const url = await listening((_, response) => {
    response.writeHead(200, { "content-type": "application/ocsp-response" }).end(bytes);
  });
  return ask(url);
}

function answer(change: (spec: ResponseSpec) => void): Bytes {
  const spec = goodResponse(device, root);
  change(spec);
  return buildResponse(spec);
}

describe("asking an OCSP responder", () => {
  it("sends the request for this certificate, and gives what is answered", async () => {
    const received: Buffer[] = [];
    const types: unknown[] = [];
    const url = await listening(async (request, response) => {
      types.push(request.method, request.headers["content-type"], request.headers.accept);
      for await (const part of request) received.push(part as Buffer);
      const bytes = answer((spec) => spec.extensions.push(nonceExtension(nonce)));
      response.writeHead(200, { "content-type": "application/ocsp-response" }).end(bytes);
    });
    const { fact, response } = await ask(url);
    expect(fact.status).toBe("good");
    expect(response.length).toBeGreaterThan(200);
    expect(types).toEqual(["POST", "application/ocsp-request", "application/ocsp-response"]);
    const { serial } = parseCertificate(certificate, nodeCrypto);
    expect(
      equalBytes(new Uint8Array(Buffer.concat(received)), ocspRequest(serial, issuer, nonce, nodeCrypto)),
    ).toBe(true);
  });

  it("gives a revocation as an answer, not as a failure", async () => {
    const bytes = answer((spec) => {
      spec.answers[0]!.state = revokedAt(judgedAt - day, 1);
    });
    expect((await askFor(bytes)).fact).toMatchObject({ status: "revoked" });
  });

  it.each<[string, Bytes, string, string]>([
    ["tryLater", errorResponse(3), "peer-rejected", "answers tryLater"],
    ["unauthorized", errorResponse(6), "peer-rejected", "answers unauthorized"],
    [
      "unknown",
      answer((spec) => {
        spec.answers[0]!.state = unknown;
      }),
      "peer-rejected",
      "does not know",
    ],
    [
      "another nonce",
      answer((spec) => {
        spec.extensions.push(nonceExtension(new Uint8Array(32)));
      }),
      "peer-protocol",
      "step nonce",
    ],
    [
      "an answer of last week",
      answer((spec) => {
        spec.producedAt = derGeneralizedTime(judgedAt - 7 * day);
        spec.answers[0]!.thisUpdate = spec.producedAt;
        spec.answers[0]!.nextUpdate = derGeneralizedTime(judgedAt - 6 * day);
      }),
      "peer-protocol",
      "step time",
    ],
    ["a cut answer", answer(() => {}).subarray(0, 100), "peer-protocol", "step structure"],
    ["nothing", new Uint8Array(), "peer-protocol", "step structure"],
    ["17 KiB", new Uint8Array(17 * 1024), "network", "too much"],
  ])("keeps nothing of %s", async (_, bytes, code, words) => {
    await expect(askFor(bytes)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words) as string,
    });
  });

  it.each<[string, RequestListener, string]>([
    [
      "a web page",
      (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<p>"),
      "something else",
    ],
    ["an error", (_, response) => response.writeHead(500).end(), "status 500"],
    [
      "another address",
      (_, response) => response.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
      "cannot be reached",
    ],
    [
      "an end in the middle",
      (_, response) => {
        response.writeHead(200, { "content-type": "application/ocsp-response", "content-length": "500" });
        response.write("x", () => response.destroy());
      },
      "broke off",
    ],
  ])("is not led astray by %s", async (_, listener, words) => {
    await expect(ask(await listening(listener))).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining(words) as string,
    });
  });
});
