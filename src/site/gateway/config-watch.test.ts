import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { GatewayEvent } from "../../operations/event.ts";
import type { GatewayConfig } from "./config.ts";
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
