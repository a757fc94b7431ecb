/** The one operator who approves something about objects: proven by passphrase, as for the quarantine. */
import { systemClock } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { withJournal } from "../../site/gateway/stores.ts";
import { Operators } from "../../site/operators.ts";
import { configOf, configPathOf, proveOperator } from "./gateway-desk.ts";

/** Refused tries are recorded where there is a gateway's journal. @returns the name as it stands in the records @throws ScansealError `usage` */
export async function provenApprover(home: string, name: string, command: string): Promise<string> {
  const operators = new Operators(home, systemClock);
  if (!fileExists(configPathOf({ home }))) return proveOperator(operators, undefined, name, command);
  return withJournal(configOf({ home }), (journal) => proveOperator(operators, journal, name, command));
}
