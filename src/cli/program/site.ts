/** `init`, `enroll`, `trust`, and the steps of enrolment. */
import { type Command, Option } from "commander";
import { roles } from "../../keys/trust/roles.ts";
import type { Action, Run } from "./command-runner.ts";
import { home } from "./options.ts";

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

/** Where the key is made, when not in a file. */
function token(command: Command): Command {
  return command
    .option(
      "--pkcs11 <module>",
      "make the key in a PKCS#11 token: its library; the PIN is SCANSEAL_PKCS11_PIN",
    )
    .option("--token <label>", "the token's label");
}

/** Of a device that seals: which modalities' pixels are marked. */
function marking(command: Command): Command {
  return command
    .option("--marked <modalities>", "pixels are marked, such as CT,MR; or all", modalities)
    .option("--digest-only <modalities>", "pixels stay as they are, such as US,PT; or all", modalities);
}

function modalities(value: string): readonly string[] {
  return value.split(",").map((modality) => modality.trim());
}

function named(command: Command): Command {
  return command
    .argument("<name>")
    .requiredOption("--ae <title>", "its AE title")
    .requiredOption("--serial <number>", "its Device Serial Number")
    .addOption(home());
}

export function addSite(program: Command, run: Run): void {
  program
    .command("init")
    .description("make a site with an authority of its own, or take over one that exists")
    .option("--name <name>", "the site's name, in every certificate", "Scanseal site")
    .option("--ca-cert <pem>", "an existing authority's certificate")
    .option("--ca-key <pem>", "its key; its passphrase is taken from SCANSEAL_CA_PASSPHRASE")
    .option("--log-origin <name>", "the name of its log for ever, such as log.hospital.example/scanseal")
    .addOption(home())
    .action(run(async () => (await import("../commands/init.ts")).init as Action));
  token(marking(named(program.command("enroll"))))
    .description("enrol a device in one step: its key is made on this machine")
    .addOption(role())
    .addOption(keyType())
    .option("--new-epoch", "a new key for an enrolled device", false)
    .action(run(async () => (await import("../commands/enroll.ts")).enroll as Action));
  addEnrolmentSteps(program, run);
  const trust = program.command("trust").description("whose devices are believed");
  trust
    .command("export")
    .description("print this site's anchors as PEM")
    .addOption(home())
    .action(run(async () => (await import("../commands/trust.ts")).exportTrust as Action));
  trust
    .command("import")
    .description("trust the authorities of a PEM file; take their revocation lists")
    .argument("<pem>")
    .option("--label <text>", "what to call them")
    .option(
      "--organization <name...>",
      "believe only signers of these organizations (O of their certificates)",
    )
    .option("--ae <title...>", "believe only signers with these AE titles")
    .addOption(
      new Option("--role <role...>", "believe them only in these roles (default: those that seal)").choices([
        ...roles,
      ]),
    )
    .addOption(home())
    .action(run(async () => (await import("../commands/trust.ts")).importTrust as Action));
  trust
    .command("list")
    .description("show whom the site believes: names, fingerprints, limits, expiry")
    .option("--json", "one JSON line for each", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/trust.ts")).listTrust as Action));
  addRevocation(trust, run);
}

/** What authorities answer when asked. */
function addRevocation(trust: Command, run: Run): void {
  trust
    .command("ocsp")
    .description(
      "ask an authority's OCSP responder about its devices, after sealing; without a URL: who is asked",
    )
    .argument("[url]", "where it answers")
    .option("--authority <name>", "whose responder it is: a label of trust list, or a SHA-256")
    .option("--none", "ask no longer", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/ocsp.ts")).useOcsp as Action));
  trust
    .command("staple")
    .description("ask for the revocation status of the devices that sealed, and keep it with the seals")
    .argument("[uid...]", "SOP Instance UIDs of seals that the site keeps: ask anew")
    .option("--pending", "every seal that has none", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/ocsp.ts")).staple as Action));
}

function addEnrolmentSteps(program: Command, run: Run): void {
  const authority = program
    .command("authority")
    .description("what the site's authority does for devices elsewhere");
  named(authority.command("code"))
    .description("step 1: a one-time code for a device")
    .addOption(role())
    .action(run(async () => (await import("../commands/enroll.ts")).issueCode as Action));
  authority
    .command("sign")
    .description("step 3: a certificate for a request, after comparing fingerprints")
    .argument("<request>")
    .requiredOption("--code <code>", "the one-time code")
    .requiredOption("--fingerprint <hex>", "the key's SHA-256 as a person read it at the device")
    .requiredOption("--out <pem>", "where the certificate goes")
    .addOption(home())
    .action(run(async () => (await import("../commands/enroll.ts")).signRequest as Action));
  authority
    .command("revoke")
    .description("revoke the certificate of a device")
    .argument("<name>")
    .option("--compromised", "its key may be in other hands", false)
    .addOption(home())
    .action(run(async () => (await import("../commands/enroll.ts")).revoke as Action));
  authority
    .command("renew-crl")
    .description("issue the revocation list anew, before it ends")
    .addOption(home())
    .action(run(async () => (await import("../commands/enroll.ts")).renewCrl as Action));
  const device = program.command("device").description("what a device elsewhere does to be enrolled");
  token(marking(named(device.command("request"))))
    .description("step 2: make a key and a request for its certificate")
    .addOption(keyType())
    .option("--new-epoch", "a new key for an enrolled device", false)
    .requiredOption("--out <pem>", "where the request goes")
    .action(run(async () => (await import("../commands/enroll.ts")).requestCertificate as Action));
  marking(device.command("marking"))
    .description("show or change which modalities' pixels a device marks")
    .argument("<name>")
    .addOption(home())
    .action(run(async () => (await import("../commands/marking.ts")).deviceMarking as Action));
  device
    .command("install")
    .description("step 4: put the certificate in use")
    .argument("<name>")
    .argument("<certificate>")
    .addOption(home())
    .action(run(async () => (await import("../commands/enroll.ts")).installDevice as Action));
}
