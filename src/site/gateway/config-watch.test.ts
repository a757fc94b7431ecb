import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { makeSealedSite } from "../../../test/gateway/sealed-site.ts";
import { ScansealError } from "../../foundation/errors.ts";
import type { GatewayEvent } from "../../operations/event.ts";
import { type GatewayConfig, loadConfig } from "./config.ts";
import { type ConfigWatch, watchConfig } from "./config-watch.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "scanseal-config-watch-"));
  path = join(folder, "gateway.yaml");
  writeFileSync(path, "aeTitle: GATE\n");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function watch(): { readonly watch: ConfigWatch; readonly events: readonly GatewayEvent[] } {
  const events: GatewayEvent[] = [];
  // Of the configuration in force the watch only takes what it compares and gives back.
  const config = {
    path,
    tlsFiles: [],
    settings: { aeTitle: "GATE", listeners: [] },
  } as unknown as GatewayConfig;
  const applied = async (): Promise<void> => {
    throw new Error("nothing here can be applied");
  };
  return { watch: watchConfig(config, (event) => void events.push(event), applied), events };
}

describe("the configuration of a running gateway", () => {
  it.each([
    ["a link to itself", () => symlinkSync(path, path)],
    ["gone", () => undefined],
    ["no text", () => writeFileSync(path, Uint8Array.of(0xff, 0xfe, 0x00))],
    ["no configuration", () => writeFileSync(path, "[")],
  ])("stays what it was while its file is %s, and the file is looked at again", async (_, spoil) => {
    const { watch: watched, events } = watch();
    rmSync(path);
    spoil();
    await watched.look();
    await watched.look();
    const fault = { kind: "fault", where: "configuration", code: "config-invalid" };
    expect(events).toMatchObject([fault, fault]);
    expect(watched.settings.aeTitle).toBe("GATE");
  });

  it("is taken again and again where it could not be taken, and that is told once", async () => {
    const site = await makeSealedSite();
    onTestFinished(() => site.remove());
    path = join(site.folder, "gateway.yaml");
    const events: GatewayEvent[] = [];
    let isAway = true;
    const applied: string[] = [];
    writeFileSync(path, "aeTitle: GATE\nhome: home\nlisteners: [{name: p, port: 11112}]\n");
    const { config } = loadConfig(path);
    const watched = watchConfig(
      config!,
      (event) => void events.push(event),
      async ({ settings }) => {
        if (isAway) throw new ScansealError("io", "the journal is away");
        applied.push(settings.aeTitle);
      },
    );
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    watched.start();
    const pass = async (): Promise<void> => {
      await vi.advanceTimersByTimeAsync(2_000);
      await new Promise<void>((resolve) => setImmediate(resolve));
    };
    await pass();
    expect(events).toEqual([]);
    writeFileSync(path, "aeTitle: GATE\nhome: home\nlisteners: [{name: p, port: 11112}]\n# touched\n");
    for (let looks = 0; looks < 3; looks++) await pass();
    expect(events).toMatchObject([{ kind: "fault", code: "io", why: expect.stringMatching(/tried again/) }]);
    isAway = false;
    await pass();
    await pass();
    watched.stop();
    expect(applied).toEqual(["GATE"]);
    expect(events.map(({ kind }) => kind)).toEqual(["fault", "settings-applied"]);
  });

  it("says what is wrong with it, where, and what shows the rest", async () => {
    const { watch: watched, events } = watch();
    writeFileSync(path, "aeTitle: GATE\nlisteners:\n\t- name: a\n");
    await watched.look();
    const why = expect.stringMatching(
      /error in line 3: Tabs are not allowed.*; scanseal config check shows all$/,
    );
    expect(events).toMatchObject([{ kind: "fault", why }]);
  });
});
