/** docs/checking-with-other-tools.md, run as it stands there: what a site signed, checked with openssl and dcmsign and nothing of ours. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Bytes } from "../../src/foundation/bytes.ts";
import type { History } from "../../src/site/history/history.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { makeSite, makeWorkplace, sampleFile, withoutDigests } from "../cli/scanseal-process.ts";
import { describePeer, peerPath, projectRoot } from "../peers.ts";
import { OpensslAuthority } from "../time-stamps/openssl-authority.ts";

const guide = readFileSync(join(projectRoot, "docs", "checking-with-other-tools.md"), "utf8");

/** Commands of the guide below a heading: indented lines, without their comments. */
function commandsBelow(heading: string): string[] {
  const start = guide.indexOf(`\n## ${heading}\n`);
  expect(start, heading).toBeGreaterThan(0);
  const end = guide.indexOf("\n## ", start + 4);
  const lines = guide.slice(start, end < 0 ? undefined : end).split("\n");
  return lines.filter((line) => line.startsWith("    ")).map((line) => line.trim());
}

interface Authority {
  readonly url: string;
  /** Path of its root's certificate. */
  readonly anchor: string;
  end(): void;
}

/** An authority of openssl's, as a process: the program asks it over HTTP as any other. */
async function startAuthority(folder: string): Promise<Authority> {
  const { anchorPath } = new OpensslAuthority(folder);
  const server = join(projectRoot, "test", "time-stamps", "authority-server.ts");
  const child = spawn(process.execPath, [server, folder], { stdio: ["pipe", "pipe", "ignore"] });
  const [port] = (await once(child.stdout, "data")) as [Buffer];
  const url = `http://127.0.0.1:${port.toString().trim()}/`;
  return { url, anchor: anchorPath, end: () => void child.stdin.end() };
}

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
  let authority: Authority;
  afterAll(() => authority.end());

  beforeAll(async () => {
    makeSite(place);
    authority = await startAuthority(path("tsa"));
    const { url, anchor } = authority;
    expect(run("time", "use", url, "--anchor", anchor)).toMatchObject({ status: 0 });
    run("seal", "scans", "--device", "CT1", "--out", "sealed");
    run("series", "close", "2.25.2");
    write("prior/7.dcm", sampleFile("2.25.7"));
    run("baseline", "prior", "--source", "old PACS");
    run("history", "prior/7.dcm", "--export", "receipts");
    await keepRevocationStatus();
    expect(run("time", "stamp", "--pending").status).toBe(0);
    expect(run("history", "sealed/2.25.1.dcm", "--export", "custody").stderr).toContain("README.txt");
    copyFileSync(anchor, path("custody/tsa.pem"));
    for (const folder of ["custody", "receipts"])
      write(`${folder}/anchor.pem`, run("trust", "export").stdout);
    folders = readdirSync(path("custody"), { withFileTypes: true }).flatMap((one) =>
      one.isDirectory() ? [one.name] : [],
    );
  });

  /** As an OCSP responder answers, with the site's own authority as responder: openssl makes it, the site keeps it. */
  async function keepRevocationStatus(): Promise<void> {
    const journal = await openProvenanceJournal(path("scanseal-data/provenance.sqlite"));
    const [seal] = await journal.sealsOfInstance("2.25.1");
    write("ocsp/device.der", seal!.certificate);
    write("ocsp/anchor.pem", run("trust", "export").stdout);
    const folder = path("ocsp");
    must("openssl x509 -inform DER -in device.der -out device.pem", folder);
    const serial = must("openssl x509 -in device.pem -noout -serial", folder).trim().split("=")[1];
    write("ocsp/index.txt", `V\t361231235959Z\t\t${serial}\tunknown\t/CN=CT1\n`);
    must("openssl ocsp -issuer anchor.pem -cert device.pem -reqout request.der", folder);
    const authority = path("scanseal-data/authority/key.pem");
    const secrets = `-rkey ${authority} -passin file:${path("scanseal-data/secret")}`;
    const responder = `-index index.txt -CA anchor.pem -rsigner anchor.pem ${secrets} -ndays 7`;
    must(`openssl ocsp ${responder} -reqin request.der -respout response.der`, folder);
    const bytes = new Uint8Array(readFileSync(path("ocsp/response.der")));
    await journal.addLateEvidence(seal!.payloadDigest, { type: "revocation-status", bytes }, Date.now());
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
    expect(commands).toHaveLength(8);
    for (const command of commands) must(command, path("custody"));
  });

  it("what was signed says what it should, and that signed.bin is made of it", () => {
    for (const folder of folders.map((name) => path("custody", name))) {
      for (const command of commandsBelow("What was signed")) must(command, folder);
      const payload = readFileSync(join(folder, "payload.json"));
      const head = Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} `);
      expect(readFileSync(join(folder, "signed.bin"))).toEqual(Buffer.concat([head, payload]));
      expect(withoutDigests(payload.toString())).not.toMatch(/4711|Muster|2\.25\.1"/);
    }
  });

  it("a time stamp is over the signature, by the authority", () => {
    const folder = path("custody", folders.find((name) => name.startsWith("capture-"))!);
    const commands = commandsBelow("A time stamp");
    expect(commands).toHaveLength(2);
    for (const command of commands) must(command, folder);
  });

  it("a revocation status is by the authority, about the certificate", () => {
    const folder = path("custody", folders.find((name) => name.startsWith("capture-"))!);
    const [command] = commandsBelow("A revocation status");
    expect(must(command!, folder)).toContain("certificate.pem: good");
    expect(shell(command!.replace("-CAfile ../anchor.pem", "-CAfile ../tsa.pem"), folder).status).not.toBe(0);
  });

  it("a log's proof has a checkpoint that the log signed", () => {
    const folder = path("custody", folders.find((name) => name.startsWith("capture-"))!);
    const [, vkey] = /^log (\S+)/m.exec(readFileSync(path("scanseal-data/log/policy"), "utf8"))!;
    write("custody/log.vkey", `${vkey}\n`);
    const commands = commandsBelow("The transparency log");
    expect(commands).toHaveLength(4);
    for (const command of commands) must(command, folder);
    const text = readFileSync(join(folder, "checkpoint.txt"), "utf8");
    expect(text.split("\n")[0]).toBe(vkey!.split("+")[0]);
    writeFileSync(
      join(folder, "checkpoint.txt"),
      text.replace(/\n(\d+)\n/, (_, size) => `\n${Number(size) + 1}\n`),
    );
    expect(shell(commands[3]!, folder).status).not.toBe(0);
  });

  it("history tells the stamp as a third party's time, since when the object exists", () => {
    const history = JSON.parse(run("history", "sealed/2.25.1.dcm", "--json").stdout) as History;
    expect(history.existsSince).toMatchObject({ time: "T1", isProven: true });
    const stamped = history.events.filter(({ what }) => what === "time-stamped");
    expect(stamped).toMatchObject([{ time: "T1", known: { by: "proof" } }]);
    expect(stamped[0]!.at).toBe(history.existsSince.at);
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
  const { run, path, write } = place;
  let authority: Authority;
  afterAll(() => authority.end());

  beforeAll(async () => {
    makeSite(place, 1);
    authority = await startAuthority(path("tsa"));
    run("time", "use", authority.url, "--anchor", authority.anchor);
    run("seal", "scans", "--device", "CT1", "--out", "sealed", "--no-watermark");
    expect(run("time", "stamp", "sealed", "--out", "stamped").stdout).toContain("1 DICOM signature stamped");
    write("anchor.pem", run("trust", "export").stdout);
    copyFileSync(authority.anchor, path("tsa.pem"));
    copyFileSync(path("sealed/2.25.1.dcm"), path("file.dcm"));
    copyFileSync(path("stamped/2.25.1.dcm"), path("stamped.dcm"));
  });

  function status(command: string): number | null {
    const env = { ...process.env, PATH: `${dirname(peerPath("dcmsign"))}:${process.env.PATH}` };
    return spawnSync("/bin/sh", ["-c", command], { cwd: place.folder, env, stdio: "ignore" }).status;
  }

  it("the DICOM signature of a sealed object holds against the site's anchor, with and without its time stamp", () => {
    const [plain, stamped] = commandsBelow("The DICOM signature");
    expect([status(plain!), status(stamped!)]).toEqual([0, 0]);
    // What was asked for was looked at: no stamp, another authority's, none that is believed.
    expect(status(stamped!.replace("stamped.dcm", "file.dcm"))).not.toBe(0);
    expect(status(stamped!.replace("tsa.pem", "anchor.pem"))).not.toBe(0);
    expect(status(plain!.replace("anchor.pem", "tsa.pem"))).not.toBe(0);
    expect(run("verify", "stamped.dcm").status).toBe(0);
  });

  it("and not after a change", () => {
    const commands = commandsBelow("The DICOM signature");
    for (const name of ["file.dcm", "stamped.dcm"]) {
      const altered = readFileSync(path(name));
      altered.write("4712", altered.indexOf("4711"), "latin1");
      write(name, altered);
    }
    for (const command of commands) expect(status(command)).not.toBe(0);
  });
});
