/** The status page: what it says in each state, that every text of others stays text, and what Chromium makes of it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ReadinessView, StatusView } from "../../src/web-api/contract.ts";
import { renderStatusPage } from "../../src/web-api/page/status-page.ts";
import { startStatusServer } from "../../src/web-api/status-server.ts";
import { describePeer, peerPath } from "../peers.ts";
import { alarmView, busyView, emptyView, hostileView, now, ready } from "./status-views.ts";

const page = (view: StatusView | undefined, readiness: ReadinessView = ready): string =>
  renderStatusPage(view, readiness, now);

/** What a person reads: no tags, no style, no script. */
function textOf(html: string): string {
  return html
    .replace(/<(style|script)>[\s\S]*?<\/\1>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&nbsp;|\u00a0/g, " ")
    .replace(/\s+/g, " ");
}

describe("the status page", () => {
  it("tells a newcomer what to send where, and what happens then", () => {
    const text = textOf(page(emptyView));
    expect(text).toContain("Ready for the first scan");
    expect(text).toMatch(/AE title SCANSEAL Host 127\.0\.0\.1 Port 11112 Encryption none/);
    expect(text).toContain("storescu -aec SCANSEAL 127.0.0.1 11112 scan.dcm");
    expect(text).toContain("npx scanseal send scan.dcm --to SCANSEAL@127.0.0.1:11112");
    expect(text).toMatch(/observe delivers and reports/);
    expect(text).not.toContain("Latest objects");
  });

  it("says in words what the gate does, what is held and why, and who may send", () => {
    expect(textOf(page(busyView))).toMatch(
      /Taking scans and passing them on Nothing is held\. 48,211 passed/,
    );
    const text = textOf(page(alarmView));
    expect(text).toContain("28 deliveries failed for good");
    expect(text).toMatch(
      /The image was changed after capture; do not rely on it\. ✗ altered 4 held for 5 min/,
    );
    expect(text).toMatch(/31 objects in 3 series from mr-2, ct-1 Study 2\.25\.311902/);
    expect(text).toMatch(/Not sealed at capture: nothing can be proven about it, either way\. ○ unsealed 2/);
    expect(text).toContain("Study unknown");
    for (const mode of ["observe", "warn", "enforce"])
      expect(text).toMatch(new RegExp(`${mode} (delivers|as observe)`));
    const held = textOf(page({ ...alarmView, destinations: [] }));
    expect(held).toContain("38 objects held for a person to look at");
    expect(held).toContain("what passes stays in this gate’s own store");
  });

  it("says which destination cannot be reached, why, and when it is tried next", () => {
    const outage = {
      since: new Date(now - 60_000).toISOString(),
      why: "network: no connection to archive: ECONNREFUSED",
      nextTryAt: new Date(now + 12_000).toISOString(),
    };
    const view = {
      ...busyView,
      destinations: [{ name: "pacs", takes: "admitted", due: 299, dead: 0, outage }],
    };
    const text = textOf(page(view));
    expect(text).toContain("pacs cannot be reached 299 deliveries wait");
    expect(text).toContain(`Why: ${outage.why}. Next try in 12 s.`);
    expect(text).toContain(`✗ cannot be reached ${outage.why}; next try in 12 s`);
  });

  it("does not say of what is kept here only that it was delivered, and says how to send it", () => {
    const destination = { name: "pacs", takes: "admitted", due: 0, dead: 0 };
    const kept = (keptOnly: number): string =>
      textOf(page({ ...busyView, objects: { admitted: 28 }, destinations: [destination], keptOnly }));
    expect(kept(0)).toContain("28 passed delivered, or on the way");
    expect(kept(20)).toContain("28 passed 20 kept here only, 8 delivered, or on the way");
    expect(kept(28)).toContain("28 passed 28 kept here only");
    expect(kept(28)).not.toContain("delivered, or");
    expect(kept(28)).toContain("scanseal deliveries add pacs --all-kept");
  });

  it("does not say of what was released that nobody has it", () => {
    const released = (n: number): string => textOf(page({ ...alarmView, destinations: [], released: n }));
    expect(released(0)).toContain("38 objects held for a person to look at");
    expect(released(0)).toContain("What is held has reached no reader.");
    expect(released(1)).toContain("37 objects held for a person to look at");
    expect(released(1)).toContain(
      "1 more was released by two people to a reading place; the others have reached",
    );
    expect(released(1)).toContain("1 of them released by two people");
    expect(released(38)).toContain("Taking scans and passing them on");
    expect(released(38)).toContain("38 held objects were released by two people");
    for (const n of [1, 38]) expect(released(n)).not.toContain("What is held has reached no reader");
    const [study] = alarmView.held;
    const told = (n: number): string => textOf(page({ ...alarmView, held: [{ ...study!, released: n }] }));
    expect(told(1)).toContain("4 objects in 1 series, 1 of them released by two people");
    expect(told(4)).toContain("4 objects in 1 series, released by two people");
  });

  it("says of a passed object for whom it waits", () => {
    const [, passed] = busyView.recent;
    const told = (waitsFor: readonly string[]): string =>
      textOf(page({ ...busyView, recent: [{ ...passed!, waitsFor }] }));
    expect(told([])).not.toContain("waits for pacs");
    expect(told(["pacs"])).toContain("passed, waits for pacs");
  });

  it("says what an archive has and does not commit to; that it refuses to is an alarm", () => {
    const destination = { name: "pacs", takes: "admitted", due: 0, dead: 0 };
    const said = (waits: number, failed: number): string =>
      textOf(page({ ...busyView, destinations: [{ ...destination, uncommitted: { waits, failed } }] }));
    expect(said(7, 0)).toContain("Failed 0 Not committed 7");
    expect(said(7, 0)).not.toContain("not kept by the archive");
    expect(said(0, 2)).toContain("2 delivered objects not kept by the archive");
    expect(said(0, 2)).toContain("✗ 2 refused");
    expect(textOf(page({ ...busyView, destinations: [destination] }))).not.toContain("Not committed");
    const gone = { ...destination, takes: "nothing", isRemoved: true, uncommitted: { waits: 3, failed: 0 } };
    expect(textOf(page({ ...busyView, destinations: [gone] }))).toContain("3 deliveries wait for a removed");
  });

  it("says what waits for a place that is gone, and what waits too long", () => {
    const old = { name: "old-pacs", takes: "nothing", due: 3, dead: 0, isRemoved: true };
    const removed = textOf(page({ ...busyView, destinations: [...busyView.destinations, old] }));
    expect(removed).toMatch(/3 deliveries wait for a removed destination .*old-pacs any more/);
    expect(removed).toContain("not in the configuration");
    const waiting = (minutes: number) => {
      const oldestDueAt = new Date(now - minutes * 60_000).toISOString();
      return textOf(page({ ...busyView, oldestDueAt }));
    };
    expect(waiting(16)).toMatch(/12 deliveries wait for too long pacs did not take them yet/);
    expect(waiting(14)).toContain("Taking scans and passing them on");
    expect(waiting(14)).toContain("The oldest delivery waits for 14 min");
  });

  it("says what is wrong even when nothing else can be said", () => {
    const readiness = { ready: false, problems: ["The journal cannot be written"] };
    expect(textOf(page(undefined, readiness))).toMatch(
      /Not taking scans The journal cannot be written\. Senders keep/,
    );
    expect(textOf(page(undefined))).toContain("The gate cannot say how it is");
  });

  it("never calls an unsealed scan a failure, and never says fake", () => {
    const all = [emptyView, busyView, alarmView].map((view) => page(view)).join("");
    expect(all).not.toMatch(/\b(fake|forged|suspicious|fraud)/i);
    const badges = [...all.matchAll(/class="badge (\w+)"[^>]*>(?:<[^>]*>[^<]*<\/span>)[^<]*<bdi>([^<]*)/g)];
    const tones = new Map(badges.map(([, tone, word]) => [word, tone]));
    expect([tones.get("unsealed"), tones.get("altered"), tones.get("verified")]).toEqual([
      "plain",
      "bad",
      "good",
    ]);
  });

  it("can be read by those who listen: landmarks, one h1, captions, column headers, a language", () => {
    const html = page(alarmView);
    for (const landmark of ["<html lang=", "<header", "<main", "<footer", "<nav aria-label="])
      expect(html).toContain(landmark);
    expect(html.match(/<h1>/g)).toHaveLength(1);
    const tables = html.match(/<table[\s\S]*?<\/table>/g) ?? [];
    expect(tables).toHaveLength(3);
    for (const table of tables) {
      expect(table).toContain("<caption");
      expect(table.match(/<th role="columnheader" scope="col">/g)?.length).toBeGreaterThanOrEqual(3);
    }
  });

  it("shows the text of strangers as text, wherever it stands", () => {
    const html = page(hostileView, { ready: false, problems: [hostileView.product] });
    const elements = [...html.matchAll(/<([a-z][a-z0-9]*)([^>]*)>/gi)];
    expect(elements.filter(([, name]) => name === "script")).toHaveLength(1);
    expect(elements.filter(([, name]) => name === "img")).toEqual([]);
    for (const [, , attributes] of elements) expect(attributes).not.toMatch(/\son\w+\s*=/);
    expect(html).not.toMatch(/[\u202A-\u202E\u2066-\u2069\u0000]/);
    expect(html).toContain("&lt;script&gt;document.title=&quot;pwned&quot;");
  });

  it("refers to nothing outside itself", () => {
    const html = page(alarmView);
    const references = [...html.matchAll(/\b(?:src|href|action|data|poster|srcset)="([^"]*)"/g)].map(
      ([, url]) => url,
    );
    expect(references).toEqual(["/api/v1/status", "/metrics", "/readyz"]);
    expect(html).not.toMatch(/url\(|@import|https?:|<link|<base|<iframe| style="/i);
  });
});

interface Shown {
  readonly dom: string;
  readonly console: readonly string[];
}

/** As Chromium has it after `ms` of its own time. */
async function shown(url: string, ms: number): Promise<Shown> {
  const profile = mkdtempSync(join(tmpdir(), "scanseal-chromium-"));
  try {
    const child = spawn(
      peerPath("chromium"),
      [
        ...[
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-sync",
        ],
        ...["--disable-background-networking", "--disable-component-update", `--user-data-dir=${profile}`],
        ...["--enable-logging=stderr", "--v=0", `--virtual-time-budget=${ms}`, "--dump-dom", url],
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const [out, err]: [string[], string[]] = [[], []];
    child.stdout.setEncoding("utf8").on("data", (text: string) => out.push(text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => err.push(text));
    await new Promise((resolve) => child.on("close", resolve));
    return {
      dom: out.join(""),
      console: err
        .join("")
        .split("\n")
        .filter((line) => line.includes("CONSOLE")),
    };
  } finally {
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function served(views: readonly StatusView[], ms: number): Promise<Shown> {
  let asked = 0;
  const server = await startStatusServer({
    ...{ host: "127.0.0.1", port: 0, now: () => now },
    status: () => Promise.resolve(views[Math.min(asked++, views.length - 1)] ?? emptyView),
    readiness: () => Promise.resolve(ready),
    metrics: () => Promise.resolve(""),
  });
  try {
    return await shown(`http://127.0.0.1:${server.port}/`, ms);
  } finally {
    await server.close();
  }
}

describePeer("chromium", "the status page in Chromium", () => {
  it("runs its script and style under its own policy, without a complaint", async () => {
    const { dom, console } = await served([alarmView], 500);
    expect(console).toEqual([]);
    expect(dom).toContain("<h1>28 deliveries failed for good</h1>");
  });

  it("renews itself in place", async () => {
    const { dom, console } = await served([emptyView, busyView], 4_000);
    expect(console).toEqual([]);
    expect(dom).toContain("<h1>Taking scans and passing them on</h1>");
    expect(dom).toMatch(/<title>Taking scans/);
    expect(dom).toMatch(/id="stale"[^>]* hidden/);
    expect(dom).not.toContain("storescu");
  });

  it("keeps hostile names inert, when they come and when they come by renewal", async () => {
    for (const views of [[hostileView], [emptyView, hostileView]]) {
      const { dom, console } = await served(views, 4_000);
      expect(console).toEqual([]);
      expect(dom).toContain("&lt;script&gt;document.title=");
      expect(dom).not.toMatch(/<title>pwned|<img/);
    }
  });
});
