/** The command line: reads the arguments, runs one command, answers with the exit status. */
import { Command, CommanderError } from "commander";
import { isLimit, isMalformed, ScansealError } from "../foundation/errors.ts";
import { packageVersion } from "./package-version.ts";
import { problemText, reportProblem } from "./problem.ts";
import { addAlerts } from "./program/alerts.ts";
import { addBackup } from "./program/backup.ts";
import type { Action, Run } from "./program/command-runner.ts";
import { addCommissioning } from "./program/commissioning.ts";
import { addDemonstration } from "./program/demonstration.ts";
import { addDerivation } from "./program/derivation.ts";
import { addEmergency } from "./program/emergency.ts";
import { addGateway } from "./program/gateway.ts";
import { addHistory } from "./program/history.ts";
import { addIndex } from "./program/instance-index.ts";
import { addKeys } from "./program/keys.ts";
import { addLog } from "./program/log.ts";
import { addNetwork } from "./program/network.ts";
import { givenPath } from "./program/options.ts";
import { addQuarantine } from "./program/quarantine.ts";
import { addReceipts } from "./program/receipts.ts";
import { addSealing } from "./program/sealing.ts";
import { addSeries } from "./program/series.ts";
import { addSite } from "./program/site.ts";
import { addSweep } from "./program/sweep.ts";
import { addTime } from "./program/time.ts";
import { addTls } from "./program/tls.ts";
import { addVerification } from "./program/verification.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Usage and I/O errors; 1 means that an object is not as it should be. */
const exitUsage = 2;
const exitNotProven = 1;

/** @returns the exit status: 0, 1 or 2 */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  let status = 0;
  const run: Run =
    (load: () => Promise<Action>) =>
    async (...given: readonly unknown[]): Promise<void> => {
      // Commander appends the options and itself to the arguments; --home may stand before the command too.
      const command = given.at(-1) as Command;
      const args = [...given.slice(0, -2), command.optsWithGlobals()];
      status = await (await load())(...(args as never[]));
    };
  try {
    await programWith(run).parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage;
    reportProblem(problemText(error));
    const isObjectsFault = error instanceof ScansealError && (isMalformed(error.code) || isLimit(error.code));
    return isObjectsFault ? exitNotProven : exitUsage;
  }
}

function programWith(run: Run): Command {
  const program = new Command("scanseal")
    .description("Makes a medical image prove itself.")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--home <dir>", "the site's folder (default: ./scanseal-data)", givenPath)
    .configureOutput(output)
    .showHelpAfterError("(scanseal --help shows what there is)")
    .exitOverride();
  addGateway(program, run);
  addCommissioning(program, run);
  addVerification(program, run);
  addIndex(program, run);
  addSweep(program, run);
  addEmergency(program, run);
  addAlerts(program, run);
  addHistory(program, run);
  addSealing(program, run);
  addDerivation(program, run);
  addSeries(program, run);
  addSite(program, run);
  addKeys(program, run);
  addBackup(program, run);
  addTls(program, run);
  addNetwork(program, run);
  addReceipts(program, run);
  addQuarantine(program, run);
  addLog(program, run);
  addTime(program, run);
  addDemonstration(program, run);
  // Subcommands inherit neither of these.
  for (const command of everyCommand(program))
    command.exitOverride().configureOutput(output).showHelpAfterError("(--help shows what there is)");
  return program;
}

/** Commander repeats what was typed: line by line, with what a terminal would obey made visible. */
const output = {
  writeErr: (text: string): void => {
    process.stderr.write(text.split("\n").map(visibleText).join("\n"));
  },
};

function everyCommand(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...everyCommand(child)]);
}

/**
 * `scanseal verify ... | head` ends without a word, but not with 0: that would say that everything is proven. A full disk behind
 * stdout is told on stderr. Without a reader of stderr there is nobody to tell.
 */
function watchOutput(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") reportProblem(`the output cannot be written: ${problemText(error)}`);
    process.exit(exitUsage);
  });
  process.stderr.on("error", () => undefined);
}
