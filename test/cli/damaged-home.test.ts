/** A home whose files were lost, cut, replaced or opened to others: one clear line and status 2, and nothing is written. */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { makeSite, makeWorkplace, oneLine } from "./scanseal-process.ts";

const place = makeWorkplace();
makeSite(place, 1);
const { run, runWith, path } = place;
run("seal", "scans", "--device", "CT1", "--out", "sealed");
const anchors = run("trust", "export").stdout;
place.write("anchors.pem", anchors);
run("init", "--home", "other");
run("trust", "import", "anchors.pem", "--home", "other");
cpSync(path("other/trust.json"), path("scanseal-data/trust.json"));

const device = "devices/CT1";
const [storedSeal] = readdirSync(path("scanseal-data", device, "seals"), {
  recursive: true,
  encoding: "utf8",
}).filter((name) => name.endsWith(".seal"));

const damages: Readonly<Record<string, (file: string) => void>> = {
  lost: (file) => rmSync(file),
  cut: (file) => truncateSync(file, statSync(file).size - 20),
  replaced: (file) => writeFileSync(file, '{"format":"scanseal-trust-1","anchors":[null,3,{}]}\n'),
  "a folder": (file) => {
    rmSync(file);
    mkdirSync(file);
  },
  "open to others": (file) => chmodSync(file, 0o644),
};

const seal = `${device}/seals/${storedSeal}`;
/** Each file and each damage at least twice; not the product, for the time it takes. */
const cases: readonly (readonly [file: string, damage: string])[] = [
  ["secret", "lost"],
  ["secret", "open to others"],
  ["trust.json", "replaced"],
  ["trust.json", "a folder"],
  ["authority/ledger.json", "lost"],
  ["authority/ledger.json", "cut"],
  ["authority/authority.pem", "cut"],
  ["authority/crl.pem", "lost"],
  [`${device}/device.json`, "replaced"],
  [`${device}/epoch-1/key.pem`, "cut"],
  [`${device}/epoch-1/key.pem`, "open to others"],
  [`${device}/epoch-1/certificate.pem`, "a folder"],
  [`${device}/epoch-1/counter`, "lost"],
  [`${device}/epoch-1/counter.mark`, "replaced"],
  [seal, "cut"],
  [seal, "replaced"],
];

/** Node gives copied folders the modes of new ones. */
function copyHome(to: string): void {
  rmSync(path(to), { recursive: true, force: true });
  cpSync(path("scanseal-data"), path(to), { recursive: true });
  chmodSync(path(to), 0o700);
  for (const entry of readdirSync(path(to), { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o700);
}

describe("seal with a damaged home", () => {
  it.each(cases)("%s %s", (file, damage) => {
    // Windows has no such modes.
    if (process.platform === "win32" && damage === "open to others") return;
    rmSync(path("out"), { recursive: true, force: true });
    copyHome("home");
    damages[damage]!(join(path("home"), file));
    const { status, stdout, stderr } = run(
      "seal",
      "scans",
      "--device",
      "CT1",
      "--out",
      "out",
      "--home",
      "home",
    );
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toMatch(oneLine);
    expect(existsSync(path("out")) ? readdirSync(path("out")) : []).toEqual([]);
  });
});

describe("a home", () => {
  it("without its ledger is not initialised anew: its key would be lost", () => {
    copyHome("ledgerless");
    rmSync(path("ledgerless/authority/ledger.json"));
    const { status, stderr } = run("init", "--home", "ledgerless");
    expect(status).toBe(2);
    expect(stderr).toMatch(/ledger\.json is missing/);
  });

  it("without its revocation list gets a new one, as the message says", () => {
    copyHome("listless");
    truncateSync(path("listless/authority/crl.pem"), 100);
    expect(run("verify", "sealed", "--home", "listless").stderr).toMatch(/authority renew-crl/);
    expect(run("authority", "renew-crl", "--home", "listless").status).toBe(0);
    expect(run("verify", "sealed", "--home", "listless").status).toBe(0);
  });

  it("opens with its passphrase only; an empty one is none", () => {
    const wrong = runWith(
      { env: { SCANSEAL_PASSPHRASE: "wrong passphrase" } },
      "seal",
      "scans",
      "--device",
      "CT1",
      "--out",
      "out2",
    );
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toMatch(oneLine);
    const short = runWith({ env: { SCANSEAL_PASSPHRASE: "short" } }, "init", "--home", "short");
    expect(short.status).toBe(2);
    const empty = runWith({ env: { SCANSEAL_PASSPHRASE: "" } }, "init", "--home", "unset");
    expect(empty.status).toBe(0);
    expect(existsSync(path("unset/secret"))).toBe(true);
  });
});
