/** `series`: what a series consists of, signed. */
import { type Command, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { givenPath, home } from "./options.ts";

function json(what: string): Option {
  return new Option("--json", what).default(false);
}

export function addSeries(program: Command, run: Run): void {
  const series = program
    .command("series")
    .description("which instances a series has, signed when it is over");
  series
    .command("close")
    .description(
      "sign what was sealed in a series; again after late instances: exit 1 when one cannot be closed, or differs from its MPPS",
    )
    .argument("[series-uid]")
    .option("--study <uid>", "every series of the study, and which series it has")
    .option("--quiet <minutes>", "every series in which nothing was sealed for so long")
    .option(
      "--mpps <file>",
      "the series of a completed Modality Performed Procedure Step, and how they differ from it",
      givenPath,
    )
    .option("--open", "only say what there is so far: the series goes on", false)
    .option(
      "--ko <dir>",
      "also write it as a signed DICOM Key Object, for archives and other sites",
      givenPath,
    )
    .option("--objects <path...>", "with --ko: the sealed objects", [])
    .addOption(json("one JSON line for each series"))
    .addOption(home())
    .action(run(async () => (await import("../commands/series-close.ts")).close as Action));
  series
    .command("list")
    .description("series that this site sealed, and how far each is closed")
    .addOption(json("one JSON line for each series"))
    .addOption(home())
    .action(run(async () => (await import("../commands/series.ts")).list as Action));
  series
    .command("show")
    .description("the manifests of one series, and its instances in their order")
    .argument("<series-uid>")
    .addOption(json("one JSON line for each manifest"))
    .addOption(home())
    .action(run(async () => (await import("../commands/series.ts")).show as Action));
  series
    .command("check")
    .description(
      "whether files or folders hold all of their series, and nothing else: exit 1 when one is incomplete",
    )
    .argument("<path...>")
    .option("--series <uid>", "all of it was given out as this series: anything else in it is foreign")
    .option("--whole-studies", "series that study manifests name have to be there too", false)
    .addOption(json("one JSON line for each series"))
    .addOption(home())
    .action(run(async () => (await import("../commands/series.ts")).check as Action));
}
