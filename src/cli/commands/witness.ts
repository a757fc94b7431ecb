/** `scanseal witness`: watches that logs of others only grow. */
import { createWitness, runWitness, watchLog } from "../../site/transparency-log/witness-folder.ts";
import { wholeNumber } from "../number-option.ts";
import { untilSignal } from "../until-signal.ts";

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** @returns 0 */
export function initWitness(folder: string, { name }: { readonly name: string }): number {
  say(`Witness ${name} made in ${folder}. Its key, for logs and verifiers:`, createWitness(folder, name));
  return 0;
}

/** @returns 0 */
export function watch(folder: string, vkey: string): number {
  say(watchLog(folder, vkey) ? "The log is watched." : "The log was watched already.");
  return 0;
}

/** @returns 0 when a signal ended it */
export async function serveWitness(
  folder: string,
  options: { readonly host: string; readonly port: string },
): Promise<number> {
  const port = wholeNumber(options.port, "--port", 0, 65_535);
  const witness = await runWitness(folder, options.host, port);
  const stopped = untilSignal();
  const { logs } = witness;
  say(
    `Witness at http://${options.host}:${witness.port}, watching ${logs.length} ${logs.length === 1 ? "log" : "logs"}.`,
  );
  await stopped;
  await witness.close();
  return 0;
}
