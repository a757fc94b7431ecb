/** docs/checking-with-other-tools.md, run as it stands there: what a site signed, checked with openssl and dcmsign and nothing of ours. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { makeSite, makeWorkplace, sampleFile } from "../cli/scanseal-process.ts";
import { describePeer, peerPath, projectRoot } from "../peers.ts";

const guide = readFileSync(join(projectRoot, "docs", "checking-with-other-tools.md"), "utf8");

/** Commands of the guide below a heading: indented lines, without their comments. */
function commandsBelow(heading: string): string[] {
  const start = guide.indexOf(`\n## ${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const end = guide.indexOf("\n## ", start + 4);
  const lines = guide.slice(start, end < 0 ? undefined : end).split("\n");
  return lines.filter((line) => line.startsWith("    ")).map((line) => line.trim());
}

const tsaConfiguration = `
[tsa]
default_tsa = own
[own]
serial = serial
default_policy = 1.2.3.4.5
digests = sha256, sha384, sha512
accuracy = secs:1
signer_digest = sha256
ess_cert_id_alg = sha256
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[req]
distinguished_name = name
[name]
`;

describePeer("openssl", "what a site signed, with openssl", () => {
  const place = makeWorkplace();
  const { run, path, write } = place;
  const tools = dirname(peerPath("openssl"));
  const shell = (
    command: string,
    folder: string,
  ): { readonly status: number | null; readonly output: string } => {
    const env = { ...process.env, PATH: `${tools}:${process.env.PATH}` };
    const { status, stdout, stderr } = spawnSync("/bin/sh", ["-c", command], {
      cwd: folder,
      env,
      encoding: "utf8",
    });
    return { status, output: stdout + stderr };
  };
  const must = (command: string, folder: string): string => {
    const { status, output } = shell(command, folder);
    expect(status, `${command}\n${output}`).toBe(0);
    return output;
  };
  let folders: string[] = [];

  beforeAll(async () => {
    makeSite(place);
    run("seal", "scans", "--device", "CT1", "--out", "sealed");
    run("series", "close", "2.25.2");
    write("prior/7.dcm", sampleFile("2.25.7"));
    run("baseline", "prior", "--source", "old PACS");
    run("history", "prior/7.dcm", "--export", "receipts");
    makeTimeStampAuthority();
    await stamp();
    expect(run("history", "sealed/2.25.1.dcm", "--export", "custody").stderr).toContain("README.txt");
    copyFileSync(path("tsa/tsa.pem"), path("custody/tsa.pem"));
    for (const folder of ["custody", "receipts"])
      write(`${folder}/anchor.pem`, run("trust", "export").stdout);
    folders = readdirSync(path("custody"), { withFileTypes: true }).flatMap((one) =>
      one.isDirectory() ? [one.name] : [],
    );
  });

  function makeTimeStampAuthority(): void {
    mkdirSync(path("tsa"));
    write("tsa/tsa.cnf", tsaConfiguration);
    write("tsa/serial", "01\n");
    const config = "-config tsa.cnf -days 2 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256";
    must(
      `openssl req -x509 ${config} -subj /CN=TSA-root -extensions authority -keyout ca.key -out tsa.pem`,
      path("tsa"),
    );
    must(
      `openssl req -x509 ${config} -subj /CN=TSA -extensions signer -CA tsa.pem -CAkey ca.key -keyout signer.key -out signer.pem`,
      path("tsa"),
    );
  }

  /** A token over the seal's signature, kept as the site keeps what a time-stamping authority answered. */
  async function stamp(): Promise<void> {
    run("history", "sealed/2.25.1.dcm", "--export", "before");
    const [capture] = readdirSync(path("before")).filter((name) => name.startsWith("capture-"));
    const signature = path("before", capture!, "signature.der");
    must(`openssl ts -query -data ${signature} -sha256 -cert -out query.tsq`, path("tsa"));
    const answer = "-queryfile query.tsq -config tsa.cnf -inkey signer.key -signer signer.pem";
    must(`openssl ts -reply ${answer} -token_out -out token.der`, path("tsa"));
    const digest = must(
      `openssl dgst -sha256 -r ${path("before", capture!, "payload.json")}`,
      path("tsa"),
    ).slice(0, 64);
    const journal = await openProvenanceJournal(path("scanseal-data/provenance.sqlite"));
    const bytes = new Uint8Array(readFileSync(path("tsa/token.der")));
    await journal.addLateEvidence(digest, { type: "time-stamp", bytes }, Date.now());
    await journal.close();
  }

  it("every statement's signature fits its bytes, and its certificate leads to the site's anchor", () => {
    expect(folders.map((name) => name.split("-")[0]).sort()).toEqual(["capture", "series"]);
    const commands = commandsBelow("A signature");
    expect(commands).toHaveLength(3);
    for (const folder of [...folders.map((name) => path("custody", name)), ...receiptFolders()])
      for (const command of commands) expect(must(command, folder)).not.toMatch(/fail/i);
  });

  function receiptFolders(): string[] {
    return readdirSync(path("receipts"))
      .filter((name) => name.startsWith("receipt-"))
      .map((name) => path("receipts", name));
  }

  it("the README beside the statements says the same, command by command", () => {
    const readme = readFileSync(path("custody/README.txt"), "utf8");
    const commands = readme.split("\n").flatMap((line) => /^ +(openssl .*)$/.exec(line)?.[1] ?? []);
    expect(commands).toHaveLength(7);
    for (const command of commands) must(command, path("custody"));
  });

  it("what was signed says what it should, and that signed.bin is made of it", () => {
    for (const folder of folders.map((name) => path("custody", name))) {
      for (const command of commandsBelow("What was signed")) must(command, folder);
      const payload = readFileSync(join(folder, "payload.json"));
      const head = Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `);
      expect(readFileSync(join(folder, "signed.bin"))).toEqual(Buffer.concat([head, payload]));
      expect(payload.toString()).not.toMatch(/4711|Muster|2\.25\.1"/);
    }
  });

  it("a time stamp is over the signature, by the authority", () => {
    const folder = path("custody", folders.find((name) => name.startsWith("capture-"))!);
    const commands = commandsBelow("A time stamp");
    expect(commands).toHaveLength(2);
    for (const command of commands) must(command, folder);
  });

  it("one changed byte of what was signed, of the signature or of the token is refused", () => {
    const folder = path("custody", folders.find((name) => name.startsWith("capture-"))!);
    const [, check] = commandsBelow("A signature");
    const [stamped] = commandsBelow("A time stamp");
    for (const [name, command] of [
      ["signed.bin", check!],
      ["signature.der", check!],
      ["signature.der", stamped!],
      ["time-stamp-1.der", stamped!],
    ] as const) {
      const whole = readFileSync(join(folder, name));
      for (const at of [Math.floor(whole.length / 2), whole.length - 1]) {
        const changed: Bytes = new Uint8Array(whole);
        changed[at] = changed[at]! ^ 1;
        writeFileSync(join(folder, name), changed);
        expect(shell(command, folder).status, `${name} at ${at}`).not.toBe(0);
      }
      writeFileSync(join(folder, name), whole);
      must(command, folder);
    }
  });

  it("a second export into the same folder overwrites nothing", () => {
    expect(run("history", "sealed/2.25.1.dcm", "--export", "custody").status).toBe(2);
    expect(existsSync(path("custody", "README.txt"))).toBe(true);
  });
});

describePeer(["dcmsign", "openssl"], "what a site signed, with dcmsign", () => {
  const place = makeWorkplace();

  it("the DICOM signature of a sealed object holds against the site's anchor, and not after a change", () => {
    makeSite(place, 1);
    place.run("seal", "scans", "--device", "CT1", "--out", "sealed", "--no-watermark");
    place.write("anchor.pem", place.run("trust", "export").stdout);
    copyFileSync(place.path("sealed/2.25.1.dcm"), place.path("file.dcm"));
    const [command] = commandsBelow("The DICOM signature");
    const check = (): number | null =>
      spawnSync("/bin/sh", ["-c", command!], { cwd: place.folder, stdio: "ignore" }).status;
    expect(check()).toBe(0);
    const altered = readFileSync(place.path("file.dcm"));
    altered.write("4712", altered.indexOf("4711"), "latin1");
    writeFileSync(place.path("file.dcm"), altered);
    expect(check()).not.toBe(0);
  });
});
