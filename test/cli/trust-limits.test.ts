/** `scanseal trust import` with limits, and `trust list`: two sites over the command line. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { makeWorkplace, sampleFile } from "./scanseal-process.ts";

const place = makeWorkplace();

interface Judged {
  readonly verdict: string;
  readonly findings: readonly { readonly code: string }[];
}

function judge(): readonly [verdict: string, code: string | undefined] {
  const { stdout } = place.run("verify", "--json", "sealed");
  const { verdict, findings } = JSON.parse(stdout) as Judged;
  return [verdict, findings[0]?.code];
}

const outside = ["untrusted", "certificate-outside-limits"] as const;
const ours = "--home=ours";

describe("a partner's sealed scan", () => {
  beforeAll(() => {
    place.run("init", "--home", "partner", "--name", "Partner Hospital");
    place.run("enroll", "MR9", "--ae", "MR9", "--serial", "P-1", "--home", "partner");
    place.write("scans/1.dcm", sampleFile("2.25.1"));
    place.run("seal", "scans", "--device", "MR9", "--out", "sealed", "--home", "partner");
    place.write("partner.pem", place.run("trust", "export", "--home", "partner").stdout);
    place.run("init");
  });

  it("is believed only within the limits of its authority", () => {
    expect(judge()).toEqual(["untrusted", "signer-not-recognised"]);
    const imported = place.run("trust", "import", "partner.pem", "--ae", "MR1", "MR2");
    expect(imported).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("Only for: AE title MR1 or MR2"),
    });
    expect(judge()).toEqual(outside);
    place.run("trust", "import", "partner.pem", "--ae", "MR9", "--role", "receipt");
    expect(judge()).toEqual(outside);
    place.run("trust", "import", "partner.pem", "--organization", "Another Hospital");
    expect(judge()).toEqual(outside);
    place.run("trust", "import", "partner.pem", "--ae", "MR9", "--role", "capture");
    expect(judge()[0]).toBe("verified");
    // Not named, roles are those that seal: to be believed for images is not to vouch for others' or to correct ours.
    place.run("trust", "import", "partner.pem", "--ae", "MR9");
    expect(place.run("trust", "list").stdout).toContain(
      "AE title MR9; role capture or beside-device; until ",
    );
    place.run("trust", "import", "partner.pem", "--ae", "MR9", "--role", "capture");
    // Without limits named, those that stand stay.
    place.run("trust", "import", "partner.pem");
    expect(place.run("trust", "list").stdout).toContain("only for AE title MR9; role capture; until ");
  });

  it("trust list shows label, fingerprint, limits and expiry, the site's own first", () => {
    const { status, stdout } = place.run("trust", "list", "--json");
    expect(status).toBe(0);
    const [own, partner] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(own).toMatchObject({ own: true, limits: {} });
    expect(partner).toMatchObject({ own: false, limits: { aeTitles: ["MR9"], roles: ["capture"] } });
    expect(partner!.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(partner!.endsAt).toMatch(/^\d{4}-/);
  });

  it("a limit that is not understood is not passed over", () => {
    const path = place.path("scanseal-data/trust.json");
    const document = readFileSync(path, "utf8");
    place.write("scanseal-data/trust.json", document.replace('"aeTitles"', '"stations"'));
    expect(place.run("verify", "sealed")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("trust.json is damaged"),
    });
    place.write("scanseal-data/trust.json", document);
    expect(judge()[0]).toBe("verified");
  });

  it("the site's own authority cannot be limited", () => {
    place.write("own.pem", place.run("trust", "export").stdout.split("# ")[1] ?? "");
    place.write("own.pem", `# ${readFileSync(place.path("own.pem"), "utf8")}`);
    expect(place.run("trust", "import", "own.pem", "--ae", "X")).toMatchObject({ status: 2 });
    expect(place.run("trust", "import", "partner.pem", "--role", "king")).toMatchObject({ status: 2 });
    expect(place.run("trust", "import", "partner.pem", "--ae", "")).toMatchObject({ status: 2 });
    expect(place.run("trust", "list", ours)).toMatchObject({ status: 2 });
  });
});
