/** `scanseal config check`: is a gateway's configuration sound? */
import { loadConfig } from "../../site/gateway/config.ts";
import { type ConfigProblem, problemLine } from "../../site/gateway/config-problem.ts";
import { visibleText } from "../terminal/visible-text.ts";

/** @returns 0 when the gateway would start, warnings or not; 2 when not */
export function checkConfig(path: string): number {
  const { config, problems } = loadConfig(path);
  reportConfigProblems(path, problems);
  if (!config) return 2;
  const { listeners, sources, destinations } = config.settings;
  const counts = [
    counted(listeners.length, "listener"),
    counted(sources.length, "source"),
    counted(destinations.length, "destination"),
  ];
  process.stdout.write(`${visibleText(path)} is sound: ${counts.join(", ")}\n`);
  return 0;
}

/** One line each on stderr. */
export function reportConfigProblems(path: string, problems: readonly ConfigProblem[]): void {
  for (const problem of problems) process.stderr.write(`${visibleText(problemLine(path, problem))}\n`);
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
