import { expect, it } from "vitest";
import type { GatewayConfig } from "../site/gateway/config.ts";
import { paletteFor } from "./terminal/palette.ts";
import { welcome } from "./welcome.ts";

const source = (name: string, listener: string, mode: string) => ({ name, listener, mode });

function greeting(sources: readonly object[], listeners: readonly string[]): string {
  const config = {
    home: "/srv/site",
    path: "/srv/site/gateway.yaml",
    http: { host: "127.0.0.1" },
    settings: {
      aeTitle: "GATE",
      sources,
      destinations: [],
      listeners: listeners.map((name) => ({ name, ...(name === "plain" ? {} : { tls: {} }) })),
    },
  } as unknown as GatewayConfig;
  const open = listeners.map((name, i) => ({ name, address: "127.0.0.1", port: 11112 + i }));
  const running = { listeners: open, httpPort: 8112 } as unknown as Parameters<typeof welcome>[1];
  return welcome(config, running, false, paletteFor({ isTTY: false }, {})).join("\n");
}

it("one listener and one source need no list", () => {
  const text = greeting([source("demo", "plain", "observe")], ["plain"]);
  expect(text).not.toMatch(/Listeners|Other sources/);
  expect(text).toContain("npx scanseal send file.dcm --to 127.0.0.1:11112 --called GATE");
  expect(text).toContain("Seal before you send");
});

it("names every further listener and source", () => {
  const many = Array.from({ length: 9 }, (_, i) => source(`ct${i}`, "secure", "enforce"));
  const text = greeting([source("demo", "plain", "observe"), ...many], ["plain", "secure"]);
  expect(text).toContain("  plain   127.0.0.1:11112  no encryption\n");
  expect(text).toContain("  secure  127.0.0.1:11113  TLS, with a client certificate\n");
  expect(text).toContain("source demo, mode observe");
  expect(text).toMatch(/Other sources: ct0 \(secure, enforce\), .*ct5 \(secure, enforce\), and 3 more\./);
});
