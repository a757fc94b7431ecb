/** Options that several commands have. */
import { type Command, InvalidArgumentError, Option } from "commander";

export function home(): Option {
  return new Option("--home <dir>", "the site's folder").default("./scanseal-data").argParser(givenPath);
}

export function configuration(): Option {
  const words = "the gateway's configuration (default: gateway.yaml in the site's folder)";
  return new Option("--config <file>", words).argParser(givenPath);
}

/** Of a command about a gateway. Both optional here: the configuration lies in the site's folder unless it is named. */
export function placed(command: Command): Command {
  return command
    .addOption(configuration())
    .option("--home <dir>", "the site's folder (default: ./scanseal-data)", givenPath);
}

/** Who does it, where nobody else may. */
export function byOperator(): Option {
  return new Option(
    "--by <operator>",
    "who you are; the passphrase is asked for, or taken from SCANSEAL_OPERATOR_PASSPHRASE; SCANSEAL_OPERATOR_KEY names the file of a key",
  );
}

/** An unset variable in a script must not become the current folder. */
export function givenPath(value: string): string {
  if (value === "") throw new InvalidArgumentError("It is empty.");
  return value;
}

/** "30min", "4h", in milliseconds. */
export function duration(value: string): number {
  const [, digits, unit] = /^(\d{1,4})(min|h)$/.exec(value) ?? [];
  if (digits === undefined) throw new InvalidArgumentError("It is a time such as 30min or 4h.");
  return Number(digits) * (unit === "h" ? 3_600_000 : 60_000);
}
