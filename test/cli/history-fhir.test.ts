/** `scanseal history --fhir`: every resource is checked against the definitions of FHIR R5, and its signature with node:crypto. */
import { createHash, verify, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { problemsOfBundle } from "../vectors/fhir/r5-checker.ts";
import { siteWithPast } from "./history-site.ts";
import { oneLine, withoutDigests } from "./scanseal-process.ts";

const place = siteWithPast();
const { run, path } = place;

interface Resource {
  readonly resourceType: string;
  readonly [name: string]: unknown;
}
interface Bundle {
  readonly entry: readonly { readonly fullUrl: string; readonly resource: Resource }[];
}

let made = 0;

function bundleOf(asked: string): { readonly bundle: Bundle; readonly text: string } {
  const name = `bundle-${made++}.json`;
  const { stderr } = run("history", asked, "--fhir", name);
  expect(stderr).toMatch(/^scanseal: bundle-\d+\.json is written: FHIR R5[^\n]*\n$/);
  const text = readFileSync(path(name), "utf8");
  return { bundle: JSON.parse(text) as Bundle, text };
}

function ofType(bundle: Bundle, type: string): Resource[] {
  return bundle.entry.map(({ resource }) => resource).filter(({ resourceType }) => resourceType === type);
}

/** Our own word for what happened. */
function eventOf(resource: Resource): string {
  const concept = (resource.activity ?? resource.code) as { coding: { system: string; code: string }[] };
  return concept.coding.find(({ system }) => system.startsWith("https://scanseal.org/"))!.code;
}

/** DSSE v1, "PAE". */
function signedBytes(payloadType: string, payload: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.length} `),
    payload,
  ]);
}

describe("history --fhir", () => {
  it("is FHIR R5 as its definitions say, for a passed, a held and released, a received and a broken object", async () => {
    await place.release();
    const broken = readFileSync(path("sealed/2.25.3.dcm"));
    const at = broken.indexOf('"sig":"') + 40;
    broken[at] = broken[at] === 0x41 ? 0x42 : 0x41;
    place.write("broken.dcm", broken);
    for (const asked of ["sealed/2.25.1.dcm", "2.25.2", "prior/7.dcm", "broken.dcm", "2.25.3"]) {
      const { bundle, text } = bundleOf(asked);
      expect(problemsOfBundle(bundle)).toEqual([]);
      expect(bundle.entry.length).toBeGreaterThan(0);
      expect(withoutDigests(text)).not.toMatch(/4711|4712|Muster/);
    }
  });

  it("signed statements are Provenance whose DSSE signature fits the certificate in the bundle", () => {
    const { bundle } = bundleOf("sealed/2.25.1.dcm");
    const certificates = new Map(
      ofType(bundle, "Binary").map(({ data }) => {
        const der = Buffer.from(String(data), "base64");
        return [createHash("sha256").update(der).digest("hex"), new X509Certificate(der)];
      }),
    );
    const provenance = ofType(bundle, "Provenance");
    expect(provenance.map(eventOf)).toEqual(["sealed", "series-closed"]);
    const targets = provenance.map(
      ({ target }) => (target as { identifier: { value: string } }[])[0]!.identifier,
    );
    expect(targets).toEqual([
      { system: "urn:dicom:uid", value: "urn:oid:2.25.1" },
      { system: "urn:dicom:uid", value: "urn:oid:2.25.2" },
    ]);
    for (const { signature } of provenance) {
      const [first] = signature as { data: string; sigFormat: string }[];
      const { payloadType, payload, signatures } = JSON.parse(Buffer.from(first!.data, "base64").toString());
      const certificate = certificates.get(signatures[0].keyid)!;
      const message = signedBytes(payloadType, Buffer.from(payload, "base64"));
      expect(verify("sha256", message, certificate.publicKey, Buffer.from(signatures[0].sig, "base64"))).toBe(
        true,
      );
      expect(
        verify(
          "sha256",
          message.subarray(1),
          certificate.publicKey,
          Buffer.from(signatures[0].sig, "base64"),
        ),
      ).toBe(false);
    }
  });

  it("what gate and operators did are AuditEvents with both ends and both people", () => {
    const { bundle } = bundleOf("2.25.2");
    const audit = new Map(ofType(bundle, "AuditEvent").map((event) => [eventOf(event), event]));
    expect([...audit.keys()].sort()).toEqual(["delivered", "held", "received", "released"]);
    const names = (what: string): string[] =>
      (audit.get(what)!.agent as { who: { display: string } }[]).map(({ who }) => who.display);
    expect(names("received")).toEqual(["ct-1", "Scanseal gate"]);
    expect(names("released")).toEqual(["Scanseal gate", "anna", "ben"]);
    expect(names("delivered")).toEqual(["reading", "Scanseal gate"]);
    expect(audit.get("held")).toMatchObject({ outcome: { code: { code: "warning" } }, severity: "warning" });
  });

  it("what is not proven is an alert, never provenance; a file that exists is not overwritten", () => {
    const { bundle } = bundleOf("broken.dcm");
    expect(ofType(bundle, "Provenance").map(eventOf)).toEqual(["series-closed"]);
    const alerts = ofType(bundle, "AuditEvent").filter((event) => eventOf(event) === "sealed");
    expect(alerts).toHaveLength(1);
    expect(JSON.stringify(alerts[0]!.outcome)).toContain("Not proven");
    const again = run("history", "broken.dcm", "--fhir", "bundle-0.json");
    expect(again.status).toBe(2);
    expect(again.stderr).toMatch(oneLine);
  });
});

describe("the checker of FHIR R5", () => {
  it("refuses what the definitions do not allow", () => {
    const { bundle } = bundleOf("2.25.2");
    const changed = (
      change: (copy: { entry: { resource: Record<string, unknown> }[] }) => void,
    ): string[] => {
      const copy = structuredClone(bundle) as unknown as { entry: { resource: Record<string, unknown> }[] };
      change(copy);
      return problemsOfBundle(copy);
    };
    const audit = bundle.entry.findIndex(({ resource }) => resource.resourceType === "AuditEvent");
    const set = (name: string, value: unknown) =>
      changed(({ entry }) => {
        const { resource } = entry[audit]!;
        if (value === undefined) delete resource[name];
        else resource[name] = value;
      });
    expect(changed(() => undefined)).toEqual([]);
    for (const [name, value] of [
      ["source", undefined],
      ["code", undefined],
      ["recorded", "2026-11-23"],
      ["recorded", "2026-11-23T04:55:31.709"],
      ["action", "X"],
      ["severity", "bad"],
      ["agent", []],
      ["agent", [{ requestor: true }]],
      ["entity", { what: { display: "x" } }],
      ["outcome", {}],
      ["patient", { reference: "" }],
      ["subject", { display: "x" }],
      ["resourceType", "Audit"],
      ["id", "no id"],
    ] as const)
      expect(set(name, value), name).not.toEqual([]);
  });
});
