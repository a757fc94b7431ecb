/** `quarantine`, `deliveries`, `operator`. */
import { type Command, Option } from "commander";
import type { Action, Run } from "./command-runner.ts";
import { byOperator, duration, givenPath, placed } from "./options.ts";

const acts = (): Promise<typeof import("../commands/quarantine-acts.ts")> =>
  import("../commands/quarantine-acts.ts");

function selecting(command: Command): Command {
  return command
    .argument("[object]", "an object's id, the end of it that the terminal shows, or its SOP Instance UID")
    .option("--study <uid>", "all held objects of a study; none: those whose study cannot be read")
    .option("--series <uid>", "all held objects of a series")
    .option("--all", "also when they are many, or several under one UID", false);
}

function reason(): Option {
  return new Option("--reason <text>", "why, for the record, in 8 characters or more; no patient data");
}

function names(value: string): readonly string[] {
  return [...new Set(value.split(",").map((name) => name.trim()))];
}

function confirm(): Option {
  const words = "altered, untrusted, malformed, unchecked, conflict";
  return new Option("--confirm <verdicts>", `release although they are: ${words}`)
    .default([] as readonly string[], "none")
    .argParser((text) => text.split(",").map((word) => word.trim()));
}

export function addQuarantine(program: Command, run: Run): void {
  const quarantine = program
    .command("quarantine")
    .description("what the gateway holds, and what to do with it");
  addLooking(quarantine, run);
  addActs(quarantine, run);
  addDecisions(quarantine, run);
  const deliveries = program.command("deliveries").description("what could not be delivered");
  addDeliveries(deliveries, run);
  addLater(deliveries, run);
  addRedirection(deliveries, run);
  addOperators(program.command("operator").description("who may decide on held objects"), run);
}

function addLooking(quarantine: Command, run: Run): void {
  const looking = (): Promise<typeof import("../commands/quarantine.ts")> =>
    import("../commands/quarantine.ts");
  placed(quarantine.command("list"))
    .description("what is held, by study: exit 0 when nothing is, else 1")
    .option("--study <uid>", "by series; none: objects whose study cannot be read")
    .option("--series <uid>", "by instance")
    .option("--identify", "also what the objects say of patient and study", false)
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await looking()).list as Action));
  placed(selecting(quarantine.command("show")))
    .description("why an object is held and what happened to it; or what a request asks for")
    .option("--identify", "also what the object says of patient and study", false)
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await looking()).show as Action));
}

function addActs(quarantine: Command, run: Run): void {
  placed(selecting(quarantine.command("export")))
    .description("write the bytes as they were received into a file, with a report; they stay unverified")
    .addOption(byOperator().makeOptionMandatory())
    .addOption(reason().makeOptionMandatory())
    .requiredOption("--out <path>", "a new file; for several objects a folder", givenPath)
    .action(run(async () => (await acts()).exportObjects as Action));
  placed(selecting(quarantine.command("recheck")))
    .description("have the gateway judge again, after trust import, say")
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await acts()).recheck as Action));
  placed(selecting(quarantine.command("release")))
    .description("ask that objects be given, unproven, to readers, or sent; a second operator approves")
    .option(
      "--reader <names>",
      "readers of the configuration, joined by commas; they get it when they ask",
      names,
    )
    .option("--for <time>", "how long they may: 30min, 4h (default: 24h, at most 168h)", duration)
    .option("--to <destination>", "in place of that: sent to one with takes: released")
    .addOption(byOperator().makeOptionMandatory())
    .addOption(reason().makeOptionMandatory())
    .addOption(confirm())
    .action(run(async () => (await acts()).release as Action));
  placed(selecting(quarantine.command("purge")))
    .description("ask that the bytes of objects be deleted; a second operator approves; the records stay")
    .addOption(byOperator())
    .addOption(reason())
    .option("--finish", "take up approved purges that were cut off", false)
    .action(run(async () => (await acts()).purge as Action));
}

function addDecisions(quarantine: Command, run: Run): void {
  placed(quarantine.command("approve"))
    .description("carry out what another operator asked for")
    .argument("<request>")
    .addOption(byOperator().makeOptionMandatory())
    .addOption(confirm())
    .action(run(async () => (await acts()).approve as Action));
  placed(quarantine.command("withdraw"))
    .description("take a request back; or end what readers were given, before its time")
    .argument("<request>")
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await acts()).withdraw as Action));
}

function addDeliveries(deliveries: Command, run: Run): void {
  placed(deliveries.command("list"))
    .description("what was given up, and what nobody sends: exit 0 when there is nothing, else 1")
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await import("../commands/deliveries.ts")).listDeliveries as Action));
  placed(deliveries.command("retry"))
    .description("try what was given up once more")
    .option("--to <destination>", "only what is for this one")
    .action(run(async () => (await import("../commands/deliveries.ts")).retryDeliveries as Action));
}

function addLater(deliveries: Command, run: Run): void {
  placed(deliveries.command("add"))
    .description("send what passed to a destination that has not got it, because it came later")
    .argument("<destination>", "of the configuration")
    .option("--study <uid>", "all of a study")
    .option("--series <uid>", "all of a series")
    .option("--instance <uid>", "one object, by its SOP Instance UID")
    .option("--all-kept", "everything that is kept here", false)
    .action(run(async () => (await import("../commands/later-deliveries.ts")).addDeliveries as Action));
}

function addRedirection(deliveries: Command, run: Run): void {
  placed(deliveries.command("redirect"))
    .description("send what waits for a destination that was removed to another one")
    .argument("<old>", "as the configuration called it")
    .argument("[new]", "a destination of the configuration")
    .option("--give-up", "to no other: the deliveries are given up, the objects are kept", false)
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await import("../commands/deliveries.ts")).redirectDeliveries as Action));
}

function addOperators(operator: Command, run: Run): void {
  placed(operator.command("add"))
    .description("name a person; the second is vouched for by the first, all others by two")
    .argument("<name>")
    .addOption(byOperator())
    .option("--and <operator>", "the other one who vouches, from the third person on")
    .option(
      "--key <file>",
      "the person's public key or certificate (PEM), in place of a passphrase",
      givenPath,
    )
    .option(
      "--role <roles>",
      "quarantine, emergency, configuration, operators; joined by commas (default: all)",
    )
    .action(run(async () => (await import("../commands/operator.ts")).addOperator as Action));
  placed(operator.command("list"))
    .description("who they are and who added them")
    .option("--json", "one JSON line for each", false)
    .action(run(async () => (await import("../commands/operator.ts")).listOperators as Action));
  placed(operator.command("remove"))
    .description("end a person's rights; the records stay")
    .argument("<name>")
    .addOption(byOperator().makeOptionMandatory())
    .action(run(async () => (await import("../commands/operator.ts")).removeOperator as Action));
}
