#!/usr/bin/env node
// No static imports: an older Node must get as far as the message. Everything else is behind import().
export {};

const nodeMajorMin = 24;
/** What a command has left behind, such as a question to an archive that drips its answer, keeps the process no longer. */
const endMsMax = 5_000;

/** `npm run` changes to the package's root; what the user typed is relative to where the user is. */
const startedByNpmRun =
  process.env.npm_package_name === "scanseal" &&
  ["scanseal", "start", "demo"].includes(process.env.npm_lifecycle_event ?? "");

function fail(message: string): void {
  process.stderr.write(`scanseal: ${message}\n`);
  process.exitCode = 2;
}

/** `npm ci` brings a Node.js of its own; whoever starts `node` by hand gets the machine's. */
async function failForNode(): Promise<void> {
  const { existsSync, realpathSync } = await import("node:fs");
  const { dirname, join } = await import("node:path");
  const started = process.argv[1] ?? "";
  let pinned = "";
  try {
    pinned = join(dirname(realpathSync(started)), "..", "..", "node_modules", ".bin", "node");
  } catch {
    // Then only npm ci can be named.
  }
  const advice =
    pinned !== "" && existsSync(pinned)
      ? `use the one that npm ci brought: ${JSON.stringify(`${pinned} ${started}`).slice(1, -1)} ...`
      : "in the checkout, run: npm ci";
  fail(`needs Node.js ${nodeMajorMin} or newer, this is ${process.versions.node}; ${advice}`);
}

function start(): void {
  if (Number.parseInt(process.versions.node, 10) < nodeMajorMin) {
    void failForNode();
    return;
  }
  if (startedByNpmRun && process.env.INIT_CWD !== undefined) {
    try {
      process.chdir(process.env.INIT_CWD);
    } catch {
      fail("the folder it was started from cannot be entered; start it from another one");
      return;
    }
  }
  import("./main.ts").then(
    async ({ main }) => {
      process.exitCode = await main(process.argv.slice(2));
      setTimeout(() => process.exit(), endMsMax).unref();
    },
    () => fail("a part of the program cannot be loaded; run: npm ci"),
  );
  // What no caller awaited (a thread, a stream): a line and status 2, like every other error.
  process.on("uncaughtException", (error) => {
    fail(`internal error: ${JSON.stringify(String(error)).slice(1, -1)}; please report it`);
    process.exit();
  });
}

start();
