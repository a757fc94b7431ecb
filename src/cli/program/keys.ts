/** `scanseal keys`: which keys a site has, a new one in place of one, and the end of one. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { revocationWords } from "../../site/keys/revocation-words.ts";
import type { Action, Run } from "./command-runner.ts";
import { home } from "./options.ts";

export function addKeys(program: Command, run: Run): void {
  const keys = program
    .command("keys")
    .description("the site's keys: devices, receipts, derivations, authority, TLS, log");
  keys
    .command("list")
    .description("show every key: role, kind, epoch, fingerprint, end, state")
    .option("--json", "one JSON line for each", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/keys.ts")).listKeys as Action));
  keys
    .command("gaps")
    .description(
      "numbers of a key that nobody has seen, though later ones were; exit status 1 when one is overdue",
    )
    .option("--window <days>", "how long a number may be on its way", days, 7)
    .option("--json", "one JSON line for each", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/key-gaps.ts")).keyGaps as Action));
  keys
    .command("rotate")
    .description("a new key with a certificate and a counter of its own; the old one seals no more")
    .argument("<name>", "a device, or: receipts, derivations")
    .addOption(
      new Option("--key <type>", "kind of key (default: as before)").choices([
        "EC-P256",
        "EC-P384",
        "RSA-3072",
        "RSA-4096",
      ]),
    )
    .addOption(home())
    .action(run(async () => (await import("../commands/keys.ts")).rotateKeys as Action));
  keys
    .command("revoke")
    .description("revoke the certificate of a key")
    .argument("<name>", "a device, or: receipts, derivations")
    .addOption(
      new Option("--reason <reason>", "why").choices(Object.keys(revocationWords)).makeOptionMandatory(),
    )
    .option("--since <date>", "since when the key is not to be believed, such as 2026-11-20 (UTC)", pastTime)
    .option("--epoch <number>", "an earlier key (default: the one in use)", epoch)
    .addOption(home())
    .action(run(async () => (await import("../commands/keys.ts")).revokeKeys as Action));
}

/** @returns milliseconds since 1970 */
function pastTime(value: string): number {
  const isWritten = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z)?$/.test(value);
  const at = isWritten ? Date.parse(value) : Number.NaN;
  // Date.parse takes 31 February for a day in March.
  if (Number.isNaN(at) || !new Date(at).toISOString().startsWith(value.slice(0, 10)))
    throw new InvalidArgumentError("It is a day such as 2026-11-20, or a time such as 2026-11-20T14:30Z.");
  return at;
}

function days(value: string): number {
  if (!/^\d{1,4}$/.test(value)) throw new InvalidArgumentError("It is a number of days.");
  return Number(value);
}

function epoch(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError("It is a whole number from 1.");
  return Number(value);
}
