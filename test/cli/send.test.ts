/** `scanseal send` and `scanseal echo`: what is sent, how, and what scripts get to see. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { batchesOf, type OutgoingFile } from "../../src/cli/sending/outgoing-file.ts";
import { type DimseServer, startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import { renderStatusPage } from "../../src/web-api/page/status-page.ts";
import { RecordingProvider } from "../dicom-network/recording-provider.ts";
import { makeTlsMaterial } from "../dicom-network/tls-material.ts";
import { projectRoot } from "../peers.ts";
import { emptyView, now, ready } from "../web-api/status-views.ts";
import { makeWorkplace, oneLine, type Run, sampleFile } from "./scanseal-process.ts";

const { folder, write } = makeWorkplace();
const files = ["2.25.1", "2.25.2", "2.25.3"].map((uid) => sampleFile(uid));
for (const [i, file] of files.entries()) write(`scans/${i}.dcm`, file);
write("scans/readme.txt", gzipSync("not DICOM"));

let provider: RecordingProvider;
let server: DimseServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function serve(tls?: Parameters<typeof startDimseServer>[0]["tls"]): Promise<string> {
  provider = new RecordingProvider();
  server = await startDimseServer({ host: "127.0.0.1", port: 0, tls }, provider);
  return `127.0.0.1:${server.port}`;
}

/** The server runs in this process, which must not wait for the other one in one call. */
function run(...args: readonly string[]): Promise<Run> {
  return new Promise((resolve) => {
    const bin = join(projectRoot, "src", "cli", "bin.ts");
    const child = spawn(process.execPath, [bin, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const)
      child[name].on("data", (chunk: Buffer) => {
        text[name] += chunk.toString();
      });
    child.on("close", (status) => resolve({ status, ...text }));
  });
}

/** PS3.10: after the preamble and "DICM", the group length of the meta information says where the data set is. */
function dataSetOf(file: Uint8Array): Buffer {
  const bytes = Buffer.from(file);
  return bytes.subarray(144 + bytes.readUInt32LE(140));
}

describe("send", () => {
  it("sends files and folders byte for byte, over as many associations as it is told", async () => {
    const to = await serve();
    const sent = await run("send", "scans", "--to", to, "--called", "GATE", "--associations", "2");
    expect(sent).toEqual({
      status: 0,
      stdout: `3 objects accepted by GATE at ${to}\n`,
      stderr: "scanseal: 1 file is not DICOM and was not sent\n",
    });
    const taken = provider.taken.toSorted((a, b) =>
      a.request.sopInstanceUid < b.request.sopInstanceUid ? -1 : 1,
    );
    expect(taken.map(({ dataSet }, i) => dataSetOf(files[i]!).equals(dataSet))).toEqual([true, true, true]);
    const { request } = taken[0]!.request.association;
    expect([request.calledAeTitle, request.callingAeTitle]).toEqual(["GATE", "SCANSEAL_SCU"]);
    expect(request.contexts).toEqual([
      { id: 1, abstractSyntax: taken[0]!.request.sopClassUid, transferSyntaxes: ["1.2.840.10008.1.2.1"] },
    ]);
    expect(provider.log.filter((line) => line === "association released")).toHaveLength(2);
  });

  it("a refusal: exit 1, the reason in words, and the others are sent", async () => {
    const to = await serve();
    const record = provider.store.bind(provider);
    provider.store = (request) => (request.sopInstanceUid === "2.25.2" ? { code: 0xa700 } : record(request));
    const { status, stdout, stderr } = await run(
      "send",
      "scans/0.dcm",
      "scans/1.dcm",
      "scans/2.dcm",
      "--to",
      to,
    );
    expect(status).toBe(1);
    expect(stdout).toBe(
      `2 objects accepted by SCANSEAL at ${to}, 1 refused\n  1 refused: out of resources (A700)\n`,
    );
    expect(stderr).toMatch(/^scanseal: scans.1\.dcm: refused: out of resources \(A700\)\n$/);
    expect(provider.taken).toHaveLength(2);
    const json = await run("send", "scans/1.dcm", "--to", to, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      result: "refused",
      status: "A700",
      text: "out of resources (A700)",
      sopInstanceUid: "2.25.2",
    });
  });

  it("a warning is told and no failure; an association that ends is opened again", async () => {
    const to = await serve();
    provider.store = ({ sopInstanceUid, association }) => {
      if (sopInstanceUid === "2.25.1") association.abort("not this one");
      return { write: () => undefined, end: async () => ({ code: 0xb000 }), cancel: () => undefined };
    };
    const { status, stdout } = await run("send", "scans/0.dcm", "scans/1.dcm", "--to", to);
    expect(status).toBe(2);
    expect(stdout).toContain("1 object accepted by SCANSEAL");
    expect(stdout).toContain("1 not sent");
    expect(stdout).toContain("1 accepted: accepted, elements coerced (B000)");
  });

  it("a class that the peer does not take is refused; what is no object is not sent", async () => {
    const to = await serve();
    provider.admit = () => ({ accept: () => ({ refuse: 3 }) });
    const refused = await run("send", "scans/0.dcm", "--to", to);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(
      /refused: the peer does not take SOP class .*: the SOP class is not supported/,
    );
    write("broken.dcm", files[0]!.subarray(0, 300));
    const broken = await run("send", "broken.dcm", "--to", to);
    expect(broken.status).toBe(2);
    expect(broken.stderr).toMatch(/broken\.dcm: not sent: /);
  });

  it("errors are one line: nobody there, a rejection, an address that is none, half a key", async () => {
    const to = await serve();
    provider.admit = () => ({ reject: { result: 1, source: 1, reason: 7 } });
    const rejected = await run("send", "scans", "--to", to);
    const typed = await run("send", "scans", "--to", "gate");
    const key = await run("send", "scans", "--to", to, "--tls-key", "x.key");
    await server?.close();
    const absent = await run("send", "scans", "--to", to);
    for (const done of [rejected, typed, key, absent]) {
      expect(done).toMatchObject({ status: 2, stdout: "" });
      expect(done.stderr).toMatch(oneLine);
    }
    expect(rejected.stderr).toContain("called AE title not recognized");
    expect(typed.stderr).toContain("not HOST:PORT");
    expect(key.stderr).toContain("belong together");
    expect(absent.stderr).toContain("ECONNREFUSED");
  });

  it("over mutual TLS", async () => {
    const { authority, server: own, client } = await makeTlsMaterial();
    const to = await serve({
      certificate: own.certificatePem,
      key: own.keyPem,
      clientAuthorities: authority,
    });
    write("ca.pem", authority);
    write("ct.pem", client.certificatePem);
    write("ct.key", client.keyPem);
    const tls = ["--tls-ca", "ca.pem", "--tls-cert", "ct.pem", "--tls-key", "ct.key"];
    expect(await run("send", "scans/0.dcm", "--to", to, ...tls)).toMatchObject({ status: 0, stderr: "" });
    expect(await run("echo", to, ...tls)).toMatchObject({ status: 0, stderr: "" });
    expect(provider.taken).toHaveLength(1);
    const without = await run("echo", to, "--tls-ca", "ca.pem");
    expect(without).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("asks for a client certificate"),
    });
    write("gate.key", own.keyPem);
    const mixed = await run(
      "echo",
      to,
      "--tls-ca",
      "ca.pem",
      "--tls-cert",
      "ct.pem",
      "--tls-key",
      "gate.key",
    );
    expect(mixed.stderr).toMatch(/^scanseal: the key of --tls-key is not that of the certificate/);
    await server?.close();
    const plain = await run("send", "scans", "--to", await serve(), "--tls-ca", "ca.pem");
    expect(plain.stderr).toMatch(oneLine);
    expect(plain.stderr).toMatch(/WRONG_VERSION_NUMBER.*does not speak TLS/);
  });
});

describe("an address with an AE title", () => {
  it("calls the peer by it, for send and for echo", async () => {
    const to = await serve();
    const sent = await run("send", "scans/0.dcm", "--to", `ARCHIVE@${to}`);
    expect(sent).toEqual({ status: 0, stdout: `1 object accepted by ARCHIVE at ${to}\n`, stderr: "" });
    expect(provider.taken[0]!.request.association.request.calledAeTitle).toBe("ARCHIVE");
    expect((await run("echo", `ARCHIVE@${to}`)).stdout).toBe(`ARCHIVE at ${to} answered\n`);
  });

  it("is refused where it is none, or where --called says another", async () => {
    for (const to of ["@127.0.0.1:104", "SEVENTEEN_LETTERS@127.0.0.1:104", "A\\B@127.0.0.1:104"])
      expect((await run("send", "scans", "--to", to)).stderr).toMatch(/^scanseal: what stands before @/);
    const two = await run("send", "scans", "--to", "ARCHIVE@127.0.0.1:104", "--called", "GATE");
    expect(two).toMatchObject({ status: 2, stderr: expect.stringContaining("name one AE title") });
  });

  it("is what the status page prints: its command runs as it stands there", async () => {
    const [host, port] = (await serve()).split(":");
    const listeners = [{ name: "local", address: host!, port: Number(port), tls: false }];
    const page = renderStatusPage({ ...emptyView, listeners }, ready, now);
    const [, command] = />npx scanseal (send [^\n<]+)/.exec(page)!;
    write("scan.dcm", files[0]!);
    expect(await run(...command!.split(" "))).toMatchObject({ status: 0, stderr: "" });
    expect(provider.taken[0]!.request.association.request.calledAeTitle).toBe(emptyView.aeTitle);
  });
});

it("a gate that goes away is one line with the number of files that were not sent", async () => {
  const to = await serve();
  const record = provider.store.bind(provider);
  provider.store = (request) => {
    const taken = record(request);
    // The first is answered; then nobody listens any more.
    if ("end" in taken) {
      const end = taken.end.bind(taken);
      return {
        ...taken,
        write: taken.write.bind(taken),
        cancel: taken.cancel.bind(taken),
        end: async () => {
          const status = await end();
          setImmediate(() => void server?.close());
          return status;
        },
      };
    }
    return taken;
  };
  const { status, stderr } = await run("send", "scans", "--to", to);
  expect(status).toBe(2);
  const lines = stderr.split("\n").filter((line) => line.includes("ECONNREFUSED"));
  expect(lines).toEqual([
    expect.stringMatching(
      /^scanseal: no connection to .*\(ECONNREFUSED\): nothing listens there; \d files? w\w+ not sent$/,
    ),
  ]);
});

it("echo says who answered", async () => {
  const to = await serve();
  expect(await run("echo", to, "--called", "GATE")).toEqual({
    status: 0,
    stdout: `GATE at ${to} answered\n`,
    stderr: "",
  });
});

it("more classes and syntaxes than an association takes are sent in several", () => {
  const all = Array.from({ length: 300 }, (_, i): OutgoingFile => {
    const sopClassUid = `1.2.${i % 150}`;
    const path = `${i}`;
    return { path, sopClassUid, sopInstanceUid: "1", transferSyntaxUid: "1.3", dataSetOffset: 0, bytes: 0 };
  });
  const batches = batchesOf(all);
  expect(batches.map(({ contexts }) => contexts.length)).toEqual([128, 22]);
  expect(
    batches
      .flatMap((batch) => batch.files)
      .map((file) => file.path)
      .sort(),
  ).toEqual(all.map((file) => file.path).sort());
  for (const { contexts, files } of batches) {
    expect(new Set(contexts.map(({ id }) => id)).size).toBe(contexts.length);
    const classes = new Set(contexts.map(({ abstractSyntax }) => abstractSyntax));
    expect(files.every((file) => classes.has(file.sopClassUid))).toBe(true);
  }
});
