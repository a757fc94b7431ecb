/** Every certificate that a site and its gateway rest on is found, and those that were replaced or revoked are not. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { makeSealedSite, type SealedSite } from "../../../test/gateway/sealed-site.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import type { GatewaySettings } from "../../zero-trust/gateway/settings.ts";
import { revokeKey } from "../keys/key-revocation.ts";
import { rotateKey } from "../keys/key-rotation.ts";
import { gatewayCertificates, rememberedEnds, siteCertificates } from "./certificate-ends.ts";

let site: SealedSite;
beforeEach(async () => {
  site = await makeSealedSite();
});
afterEach(() => site.remove());

const namesOf = (of: string): string[] =>
  siteCertificates(site.home)
    .filter((one) => one.of === of)
    .map(({ name }) => name);

it("authority, its revocation list, devices and TLS peers, each once", async () => {
  expect(namesOf("authority")).toHaveLength(1);
  expect(namesOf("revocation-list")).toEqual(["site"]);
  expect(namesOf("device")).toContain("CT1");
  for (const { endsAt } of siteCertificates(site.home)) expect(endsAt).toBeGreaterThan(systemClock.now());
});

it("of a device whose key was replaced the new one; of one that was revoked none", async () => {
  const before = siteCertificates(site.home).find(({ name }) => name === "CT1")!;
  await rotateKey(site.home, "CT1", {});
  expect(namesOf("device").filter((name) => name === "CT1")).toHaveLength(1);
  expect(siteCertificates(site.home).find(({ name }) => name === "CT1")!.endsAt).toBeGreaterThanOrEqual(
    before.endsAt,
  );
  await revokeKey(site.home, "CT1", { reason: "cessation" });
  expect(namesOf("device")).not.toContain("CT1");
});

it("what the gateway shows, and no certificate of a listener that cannot be read", () => {
  const [pem] = [authorityPem()];
  const tls = { certificate: pem, key: "", clientAuthorities: "" };
  const base = { host: "127.0.0.1", port: 104 };
  const settings = {
    listeners: [
      { ...base, name: "secure", tls },
      { ...base, name: "broken", tls: { ...tls, certificate: "-----BEGIN CERTIFICATE-----" } },
      { ...base, name: "plain" },
    ],
    destinations: [{ name: "pacs", tls: { authorities: pem, certificate: pem, key: "" } }, { name: "old" }],
    reading: { archive: { name: "store", through: { protocol: "dimse", ...base, aeTitle: "A" } } },
  } as unknown as GatewaySettings;
  expect(gatewayCertificates(settings).map(({ of, name }) => `${of} ${name}`)).toEqual([
    "listener secure",
    "destination pacs",
  ]);
});

function authorityPem(): string {
  const der = site.home.trustContent().anchors[0]!.certificate;
  const lines = Buffer.from(der)
    .toString("base64")
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

it("is looked up once a minute, and tells nothing while the site's files cannot be read", () => {
  let now = 1_000_000;
  let reads = 0;
  const settings = (): GatewaySettings => {
    reads++;
    return { listeners: [], destinations: [] } as unknown as GatewaySettings;
  };
  const ends = rememberedEnds(site.home, settings, { now: () => now });
  expect(ends().length).toBeGreaterThan(2);
  ends();
  now += 59_000;
  ends();
  expect(reads).toBe(1);
  site.write("home/authority/ledger.json", "{");
  now += 2_000;
  expect(ends()).toEqual([]);
});
