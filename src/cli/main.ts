/** The command line: reads the arguments, runs one command, answers with the exit status. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";

/** Usage and I/O errors; 1 means that an object is not as it should be. */
const exitUsage = 2;

/** @returns the exit status: 0, 1 or 2 */
export async function main(args: readonly string[]): Promise<number> {
  endQuietlyWhenReaderLeaves();
  const program = new Command("scanseal")
    .description("Makes a medical image prove itself.")
    .version(packageVersion(), "-V, --version", "print the version")
    .showHelpAfterError("(scanseal --help shows what there is)")
    .exitOverride();
  try {
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitUsage;
    throw error;
  }
}

function packageVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** `scanseal verify ... | head` is not an error. */
function endQuietlyWhenReaderLeaves(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}
