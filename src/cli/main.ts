/** The command line: reads the arguments, runs one command, answers with the exit status. */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { isLimit, isMalformed, ScansealError } from "../foundation/errors.ts";
import { packageVersion } from "./package-version.ts";
import { problemText, reportProblem } from "./problem.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** Usage and I/O errors; 1 means that an object is not as it should be. */
const exitUsage = 2;
const exitNotProven = 1;

type Action = (...args: readonly never[]) => Promise<number> | number;

/** @returns the exit status: 0, 1 or 2 */
export async function main(args: readonly string[]): Promise<number> {
  watchOutput();
  let status = 0;
  const run =
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

type Run = (load: () => Promise<Action>) => (...given: readonly unknown[]) => Promise<void>;

function programWith(run: Run): Command {
  const program = new Command("scanseal")
    .description("Makes a medical image prove itself.")
    .version(packageVersion(), "-V, --version", "print the version")
    .option("--home <dir>", "the site's folder (default: ./scanseal-data)", givenPath)
    .configureOutput(output)
    .showHelpAfterError("(scanseal --help shows what there is)")
    .exitOverride();
  addVerification(program, run);
  addSealing(program, run);
  addSite(program, run);
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

function home(): Option {
  return new Option("--home <dir>", "the site's folder").default("./scanseal-data").argParser(givenPath);
}

/** An unset variable in a script must not become the current folder. */
function givenPath(value: string): string {
  if (value === "") throw new InvalidArgumentError("It is empty.");
  return value;
}

function addVerification(program: Command, run: Run): void {
  program
    .command("verify")
    .description("judge files, folders or globs: exit 0 when all are proven, 1 when not, 2 for errors")
    .argument("<path...>")
    .option("--json", "one JSON line for each object", false)
    .option("--deep", "compare every attribute and frame even where the signature suffices", false)
    .addOption(home())
    .action(run(async () => (await import("./commands/verify.ts")).verify as Action));
  program
    .command("show")
    .description("tell one object's story in plain words")
    .argument("<file>")
    .option("--identify", "also show patient, study and series", false)
    .addOption(home())
    .action(run(async () => (await import("./commands/show.ts")).show as Action));
}

function addSealing(program: Command, run: Run): void {
  program
    .command("seal")
    .description("seal files or folders as one of the site's devices")
    .argument("<path...>")
    .requiredOption("--device <name>", "which device seals")
    .requiredOption("--out <dir>", "where sealed objects go, named by SOP Instance UID", givenPath)
    .addOption(home())
    .action(run(async () => (await import("./commands/seal.ts")).seal as Action));
}

function role(): Option {
  return new Option(
    "--role <role>",
    "capture: the modality itself; beside-device: a sealer wired to one modality",
  )
    .choices(["capture", "beside-device"])
    .default("capture");
}

function keyType(): Option {
  return new Option("--key <type>", "kind of key")
    .choices(["EC-P256", "EC-P384", "RSA-3072", "RSA-4096"])
    .default("EC-P256");
}

function named(command: Command): Command {
  return command
    .argument("<name>")
    .requiredOption("--ae <title>", "its AE title")
    .requiredOption("--serial <number>", "its Device Serial Number")
    .addOption(home());
}

function addSite(program: Command, run: Run): void {
  program
    .command("init")
    .description("make a site with an authority of its own, or take over one that exists")
    .option("--name <name>", "the site's name, in every certificate", "Scanseal site")
    .option("--ca-cert <pem>", "an existing authority's certificate")
    .option("--ca-key <pem>", "its key; its passphrase is taken from SCANSEAL_CA_PASSPHRASE")
    .addOption(home())
    .action(run(async () => (await import("./commands/init.ts")).init as Action));
  named(program.command("enroll"))
    .description("enrol a device in one step: its key is made on this machine")
    .addOption(role())
    .addOption(keyType())
    .option("--new-epoch", "a new key for an enrolled device", false)
    .action(run(async () => (await import("./commands/enroll.ts")).enroll as Action));
  addEnrolmentSteps(program, run);
  const trust = program.command("trust").description("whose devices are believed");
  trust
    .command("export")
    .description("print this site's anchors as PEM")
    .addOption(home())
    .action(run(async () => (await import("./commands/trust.ts")).exportTrust as Action));
  trust
    .command("import")
    .description("trust the authorities of a PEM file; take their revocation lists")
    .argument("<pem>")
    .option("--label <text>", "what to call them")
    .addOption(home())
    .action(run(async () => (await import("./commands/trust.ts")).importTrust as Action));
}

function addEnrolmentSteps(program: Command, run: Run): void {
  const authority = program
    .command("authority")
    .description("what the site's authority does for devices elsewhere");
  named(authority.command("code"))
    .description("step 1: a one-time code for a device")
    .addOption(role())
    .action(run(async () => (await import("./commands/enroll.ts")).issueCode as Action));
  authority
    .command("sign")
    .description("step 3: a certificate for a request, after comparing fingerprints")
    .argument("<request>")
    .requiredOption("--code <code>", "the one-time code")
    .requiredOption("--fingerprint <hex>", "the key's SHA-256 as a person read it at the device")
    .requiredOption("--out <pem>", "where the certificate goes")
    .addOption(home())
    .action(run(async () => (await import("./commands/enroll.ts")).signRequest as Action));
  authority
    .command("revoke")
    .description("revoke the certificate of a device")
    .argument("<name>")
    .option("--compromised", "its key may be in other hands", false)
    .addOption(home())
    .action(run(async () => (await import("./commands/enroll.ts")).revoke as Action));
  authority
    .command("renew-crl")
    .description("issue the revocation list anew, before it ends")
    .addOption(home())
    .action(run(async () => (await import("./commands/enroll.ts")).renewCrl as Action));
  const device = program.command("device").description("what a device elsewhere does to be enrolled");
  named(device.command("request"))
    .description("step 2: make a key and a request for its certificate")
    .addOption(keyType())
    .option("--new-epoch", "a new key for an enrolled device", false)
    .requiredOption("--out <pem>", "where the request goes")
    .action(run(async () => (await import("./commands/enroll.ts")).requestCertificate as Action));
  device
    .command("install")
    .description("step 4: put the certificate in use")
    .argument("<name>")
    .argument("<certificate>")
    .addOption(home())
    .action(run(async () => (await import("./commands/enroll.ts")).installDevice as Action));
}

function addDemonstration(program: Command, run: Run): void {
  program
    .command("demo")
    .description("seal a generated chest CT, forge it five ways, and show what is found")
    .option("--out <dir>", "where images and the page go", givenPath, "./scanseal-demo")
    .action(run(async () => (await import("./commands/demo.ts")).demo as Action));
  program
    .command("try")
    .description("the same on scans of your own")
    .argument("<folder>")
    .option("--out <dir>", "where images and the page go", givenPath, "./scanseal-try")
    .action(run(async () => (await import("./commands/demo.ts")).tryFolder as Action));
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
