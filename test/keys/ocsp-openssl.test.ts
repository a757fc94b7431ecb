/** OCSP with openssl as the responder, and as the other judge of what it answered. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { ocspRequest } from "../../src/keys/custody/ocsp-request.ts";
import { parseCertificate } from "../../src/keys/trust/certificate.ts";
import type { OcspFact, OcspRefusal } from "../../src/keys/trust/ocsp.ts";
import { SignerRecognition } from "../../src/keys/trust/signer-recognition.ts";
import { createTrustStore } from "../../src/keys/trust/trust-store.ts";
import { nodeCrypto, nodeRandom } from "../../src/platform/node/crypto.ts";
import { describePeer } from "../peers.ts";
import { flipped } from "./forged-chains.ts";
import { type AuthorityKey, OpensslResponder } from "./openssl-responder.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function responderOf(key?: AuthorityKey): OpensslResponder {
  const folder = mkdtempSync(join(tmpdir(), "scanseal-ocsp-"));
  folders.push(folder);
  return new OpensslResponder(folder, key);
}

const nonce = nodeRandom.bytes(32);

function requestFor(responder: OpensslResponder, certificate: Bytes): Bytes {
  const { serial } = parseCertificate(certificate, nodeCrypto);
  return ocspRequest(serial, parseCertificate(responder.root, nodeCrypto), nonce, nodeCrypto);
}

function recognitionOf(responder: OpensslResponder): SignerRecognition {
  const anchors = [{ certificate: responder.root, label: "" }];
  return new SignerRecognition(createTrustStore({ anchors }, nodeCrypto), nodeCrypto);
}

function judge(
  responder: OpensslResponder,
  response: Bytes,
  certificate: Bytes,
): Promise<OcspFact | OcspRefusal> {
  return recognitionOf(responder).revocationStatus(response, certificate, {
    now: Date.now(),
    request: { nonce },
  });
}

describePeer("openssl", "OCSP responses of openssl", () => {
  for (const key of ["P-256", "P-384", "RSA-3072"] as const)
    it(`are judged as openssl does: ${key}`, async () => {
      const responder = responderOf(key);
      const device = responder.makeDevice("device");
      const request = requestFor(responder, device);
      const answers = (): [string, Bytes][] => [
        ["the authority", responder.respond(request, "root", "-ndays", "1")],
        ["a delegate", responder.respond(request, "responder", "-ndays", "1")],
        ["by key", responder.respond(request, "responder", "-resp_key_id")],
        ["without a certificate", responder.respond(request, "root", "-resp_no_certs")],
      ];
      for (const [title, response] of answers()) {
        expect(await judge(responder, response, device), title).toMatchObject({ ok: true, status: "good" });
        expect(responder.judgedByOpenssl(response, "device.pem"), title).toBe("good");
      }
      const at = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
      responder.setState(device, "keyCompromise", at);
      for (const [title, response] of answers()) {
        const revocation = { reason: "keyCompromise", revokedAt: at };
        expect(await judge(responder, response, device), title).toMatchObject({
          status: "revoked",
          revocation,
        });
        expect(responder.judgedByOpenssl(response, "device.pem"), title).toBe("revoked");
      }
    });

  it("with openssl's request over SHA-256, and with the time since when a key was in other hands", async () => {
    const responder = responderOf();
    const device = responder.makeDevice("device");
    responder.run(
      "ocsp",
      "-sha256",
      "-issuer",
      "root.pem",
      "-cert",
      "device.pem",
      "-no_nonce",
      "-reqout",
      "own.der",
    );
    const request = new Uint8Array(readFileSync(join(responder.folder, "own.der")));
    expect(await judge(responder, responder.respond(request), device)).toMatchObject({ status: "good" });
    const since = new Date(Date.now() - 86_400_000).toISOString().replace(/[-:T]|\.\d+/g, "");
    responder.setState(device, `keyTime,${since}`);
    const result = await judge(responder, responder.respond(request), device);
    expect(result).toMatchObject({ status: "revoked", revocation: { reason: "keyCompromise" } });
    const { revocation } = result as OcspFact;
    expect(revocation!.invalidSince).toBe(Math.floor((Date.now() - 86_400_000) / 1000) * 1000);
  });

  it("our request is the one that openssl writes, but for the nonce", () => {
    const responder = responderOf();
    const device = responder.makeDevice("device");
    const read = (bytes: Bytes): string => {
      writeFileSync(join(responder.folder, "read.der"), bytes);
      return responder.run("ocsp", "-reqin", "read.der", "-req_text");
    };
    responder.run("ocsp", "-issuer", "root.pem", "-cert", "device.pem", "-reqout", "own.der");
    const own = read(new Uint8Array(readFileSync(join(responder.folder, "own.der"))));
    const withoutNonce = (text: string): string => text.split("Request Extensions")[0]!;
    const ours = read(requestFor(responder, device));
    expect(withoutNonce(ours)).toBe(withoutNonce(own));
    expect(ours).toContain("OCSP Nonce");
    expect(ours.replace(/[^0-9A-F]/g, "")).toContain(Buffer.from(nonce).toString("hex").toUpperCase());
  });

  it("by whoever may not answer, about others, or for another request, are refused by name", async () => {
    const responder = responderOf();
    const [device, other] = [responder.makeDevice("device"), responder.makeDevice("other")];
    const step = async (response: Bytes, certificate = device, by = responder): Promise<string> => {
      const result = await judge(by, response, certificate);
      return result.ok ? result.status : result.step;
    };
    const request = requestFor(responder, device);
    expect(await step(responder.respond(request))).toBe("good");
    expect(await step(responder.respond(request, "plain"))).toBe("responder");
    expect(responder.judgedByOpenssl(responder.respond(request, "plain"), "device.pem")).toBeUndefined();
    expect(await step(responder.respond(request), other)).toBe("certificate");
    const stranger = responderOf();
    expect(await step(responder.respond(request), device, stranger)).toBe("issuer");
    expect(await step(stranger.respond(request))).not.toBe("good");
    expect(await step(responder.respond(request, "responder", "-rmd", "sha1"))).toBe("signature");
    responder.run("ocsp", "-issuer", "root.pem", "-cert", "device.pem", "-reqout", "own.der");
    const others = new Uint8Array(readFileSync(join(responder.folder, "own.der")));
    expect(await step(responder.respond(others))).toBe("nonce");
    responder.forget(device);
    expect(await step(responder.respond(request))).toBe("unknown");
  });

  it("cannot be changed in any byte", async () => {
    const responder = responderOf();
    const device = responder.makeDevice("device");
    const response = responder.respond(requestFor(responder, device), "responder", "-ndays", "1");
    const taken: number[] = [];
    const recognition = recognitionOf(responder);
    for (let i = 0; i < response.length; i++) {
      const result = await recognition.revocationStatus(flipped(response, i), device, { now: Date.now() });
      if (result.ok) taken.push(i);
    }
    expect(taken).toEqual([]);
  });
});
