/** Options that several commands have. */
import { InvalidArgumentError, Option } from "commander";

export function home(): Option {
  return new Option("--home <dir>", "the site's folder").default("./scanseal-data").argParser(givenPath);
}

/** An unset variable in a script must not become the current folder. */
export function givenPath(value: string): string {
  if (value === "") throw new InvalidArgumentError("It is empty.");
  return value;
}
