/** `demo`, `try`. */
import type { Command } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath } from "./options.ts";

export function addDemonstration(program: Command, run: Run): void {
  program
    .command("demo")
    .description("seal a generated chest CT, forge it five ways, and send everything through a live gate")
    .option("--out <dir>", "where images and the page go", givenPath, "./scanseal-demo")
    .action(run(async () => (await import("../commands/demo.ts")).demo as Action));
  program
    .command("try")
    .description("the same on scans of your own")
    .argument("<folder>")
    .option("--out <dir>", "where images and the page go", givenPath, "./scanseal-try")
    .action(run(async () => (await import("../commands/demo.ts")).tryFolder as Action));
}
