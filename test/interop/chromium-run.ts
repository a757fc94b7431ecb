/** Runs a module of ours in headless Chromium: sources are served with their types taken out, as they are on disk otherwise. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import {
  request as askBehind,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { stripTypeScriptTypes } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { peerPath, projectRoot } from "../peers.ts";

/** Served folders: nothing else of the checkout. */
const served = ["/src/", "/test/", "/node_modules/@noble/hashes/", "/node_modules/dicomweb-client/"];

const page = (script: string): string => `<!doctype html><meta charset="utf-8">
<script type="importmap">{"imports": {"@noble/hashes/": "/node_modules/@noble/hashes/"}}</script>
<script type="module">
const answer = (body) => fetch("/answer", { method: "POST", body: JSON.stringify(body) });
addEventListener("error", ({ message }) => answer({ failed: message }));
addEventListener("unhandledrejection", ({ reason }) => answer({ failed: String(reason?.stack ?? reason) }));
const run = async () => {${script}};
run().then((result) => answer({ result }), (error) => answer({ failed: String(error?.stack ?? error) }));
</script>`;

export interface Behind {
  /** "/dicom-web" */
  readonly path: string;
  readonly port: number;
}

function passOn(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = request;
  const onward = askBehind({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onward.on("error", () => response.destroy());
  request.pipe(onward);
}

/**
 * @param script the body of an asynchronous function; modules are imported by their paths from the project's root
 * @param behind a server that pages reach below a path of their own, as behind a proxy
 * @returns what it returns
 */
export async function runInChromium(script: string, behind?: Behind): Promise<unknown> {
  let answered: (body: string) => void;
  let failed: (error: Error) => void;
  const answer = new Promise<string>((resolve, reject) => {
    answered = resolve;
    failed = reject;
  });
  const server = createServer((request, response) => {
    const path = normalize((request.url ?? "/").split("?")[0]!);
    if (path === "/answer") {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        response.end();
        answered(Buffer.concat(parts).toString());
      });
      return;
    }
    if (behind && path.startsWith(behind.path)) {
      passOn(request, response, behind.port);
      return;
    }
    const file = path === "/" ? page(script) : fileAt(path);
    response.writeHead(file === undefined ? 404 : 200, { "content-type": typeOf(path) });
    response.end(file);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = mkdtempSync(join(tmpdir(), "chromium-"));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const browser = spawn(
    peerPath("chromium"),
    [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--remote-debugging-port=0",
    ].concat(`--user-data-dir=${profile}`, "--no-first-run", url),
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => browser.once("close", () => resolve()));
  browser.once("exit", (code) => failed(new Error(`Chromium ended with ${code} before it answered`)));
  browser.once("error", (error) => failed(error));
  try {
    const { result, failed: problem } = JSON.parse(await answer) as { result?: unknown; failed?: string };
    if (problem !== undefined) throw new Error(`in Chromium: ${problem}`);
    return result;
  } finally {
    if (browser.exitCode === null && browser.kill()) await ended;
    await closed(server);
    rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

function typeOf(path: string): string {
  if (path === "/") return "text/html";
  if (/\.(ts|js)$/.test(path)) return "text/javascript";
  return path.endsWith(".json") ? "application/json" : "application/octet-stream";
}

function fileAt(path: string): Buffer | string | undefined {
  if (!served.some((folder) => path.startsWith(folder))) return undefined;
  try {
    const file = readFileSync(join(projectRoot, path));
    return path.endsWith(".ts") ? stripTypeScriptTypes(file.toString()) : file;
  } catch {
    return undefined;
  }
}
