/** `scanseal import` between other people's software: a CD that DCMTK made, and a receiver of DCMTK's. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { makeWorkplace } from "../cli/scanseal-process.ts";
import { freePort, listening } from "../evaluation/network-peers.ts";
import { describePeer, peerPath } from "../peers.ts";
import { phantomFiles } from "./dimse-peers.ts";

const place = makeWorkplace();
const origin = ["--operator", "A. Radiographer", "--origin", "a CD"];

describePeer(["dcmmkdir", "storescp"], "a CD with a DICOMDIR", () => {
  let receiver: ChildProcess;
  let port: number;
  beforeAll(async () => {
    for (const [i, file] of phantomFiles().entries()) place.write(`cd/IMAGES/IM${i}`, file);
    const made = spawnSync(peerPath("dcmmkdir"), ["+r", "+I", "+id", place.path("cd")], {
      cwd: place.path("cd"),
      stdio: "ignore",
    });
    expect(made.status).toBe(0);
    expect(readdirSync(place.path("cd")).sort()).toEqual(["DICOMDIR", "IMAGES"]);
    mkdirSync(place.path("inbox"));
    port = await freePort();
    receiver = spawn(peerPath("storescp"), ["+xa", "-od", place.path("inbox"), `${port}`], {
      stdio: "ignore",
    });
    await listening(port, receiver);
    place.run("init");
  });
  afterAll(async () => {
    const ended = new Promise((resolve) => receiver.once("exit", resolve));
    if (receiver.kill()) await ended;
  });

  it("is taken without its directory, and sent on, each object with its receipt", () => {
    const { status, stdout, stderr } = place.run(
      "import",
      "cd",
      ...origin,
      "--send",
      `STORESCP@127.0.0.1:${port}`,
    );
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toBe(`4 receipts given\n4 objects accepted by STORESCP at 127.0.0.1:${port}\n`);
    expect(readdirSync(place.path("inbox"))).toHaveLength(4);
    // What the receiver wrote anew is still what was received.
    expect(place.run("verify", "inbox")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("4 received"),
    });
    expect(readdirSync(place.path("scanseal-data")).filter((name) => name.startsWith("staging-"))).toEqual(
      [],
    );
  });

  it("a second copy is no second receipt; a receiver that is away is told", async () => {
    const again = place.run("import", "cd", ...origin, "--out", "in");
    expect(again).toMatchObject({
      status: 0,
      stdout: "0 receipts given, 4 had one already\n4 objects in in\n",
    });
    expect(readFileSync(place.path("cd/IMAGES/IM0"))).toEqual(
      readdirSync(place.path("in"))
        .map((name) => readFileSync(place.path("in", name)))
        .find((bytes) => bytes.equals(readFileSync(place.path("cd/IMAGES/IM0")))),
    );
    const away = place.run("import", "cd", ...origin, "--send", `NOBODY@127.0.0.1:${await freePort()}`);
    expect(away).toMatchObject({ status: 2, stderr: expect.stringContaining("nothing listens there") });
  });
});
