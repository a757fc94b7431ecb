/** What commands that work on a gateway's records share: its stores, its operators, and who is at the keyboard. */
import { join } from "node:path";
import { v7 as newId } from "uuid";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import { openExtents } from "../../platform/node/extents-source.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import { type GatewayConfig, loadConfig } from "../../site/gateway/config.ts";
import { dataPaths, openJournal, openObjects } from "../../site/gateway/stores.ts";
import { signChallenge } from "../../site/operator-keys.ts";
import { roleFor } from "../../site/operator-roles.ts";
import { type Authentication, Operators } from "../../site/operators.ts";
import type { Journal } from "../../store/journal/journal.ts";
import type { OpenObject } from "../../store/objects/object-store.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";
import type { QuarantinePorts } from "../../zero-trust/quarantine/ports.ts";
import { passphraseFrom } from "../terminal/passphrase.ts";
import { readText } from "../text-file.ts";
import { reportConfigProblems } from "./config.ts";

export interface DeskOptions {
  readonly home?: string;
  readonly config?: string;
}

export interface Desk {
  readonly config: GatewayConfig;
  readonly ports: QuarantinePorts;
  readonly operators: Operators;
}

const homeDefault = "./scanseal-data";

export function homeOf({ home = homeDefault }: DeskOptions): string {
  return home;
}

/** In the site's folder unless told. */
export function configPathOf(options: DeskOptions): string {
  return options.config ?? join(homeOf(options), "gateway.yaml");
}

/** @throws ScansealError `config-invalid`, after its problems were told */
export function configOf(options: DeskOptions): GatewayConfig {
  const path = configPathOf(options);
  if (!fileExists(path)) {
    const named = options.config === undefined ? "scanseal start makes one, or name one with --config" : path;
    throw new ScansealError("config-invalid", `there is no gateway's configuration: ${named}`);
  }
  const { config, problems } = loadConfig(path);
  if (config) return config;
  reportConfigProblems(path, problems);
  throw new ScansealError("config-invalid", "the configuration has errors: nothing was done");
}

/** A gateway may be running beside it. @throws ScansealError `config-invalid`, `io`, what `body` throws */
export async function withDesk<T>(options: DeskOptions, body: (desk: Desk) => Promise<T>): Promise<T> {
  const config = configOf(options);
  const journal = await openJournal(config);
  try {
    const ports: QuarantinePorts = {
      journal,
      objects: await openObjects(config),
      openSpooled: (location) => openSpooled(dataPaths(config).spool, location),
      crypto: nodeCrypto,
      clock: systemClock,
      newId,
    };
    return await body({ config, ports, operators: new Operators(config.home, systemClock) });
  } finally {
    await journal.close();
  }
}

/**
 * Reads what the running gateway has in its spool. The segment may be used anew meanwhile: whoever reads compares the digest.
 * @throws ScansealError `io`
 */
export function openSpooled(folder: string, { extents }: SpoolLocation): Promise<OpenObject> {
  return openExtents(
    extents.map(({ segment, offset, length }) => {
      // The file, and which of its lives.
      const file = /^(segment-\d{8,15})\.[0-9a-f]{16}$/.exec(segment)?.[1];
      if (file === undefined) throw new ScansealError("io", "the record's place in the spool cannot be read");
      return { path: join(folder, file), offset, length };
    }),
  );
}

/**
 * Asks for the passphrase and compares; or has a challenge signed by the operator's key. What fails is recorded; without a journal (there is no gateway yet) it cannot be.
 * @returns the operator's name as it stands in the records
 * @throws ScansealError `usage`
 */
export async function proveOperator(
  operators: Operators,
  journal: Pick<Journal, "addRecord"> | undefined,
  name: string,
  command: string,
  asked: Asked = {
    variable: "SCANSEAL_OPERATOR_PASSPHRASE",
    keyVariable: "SCANSEAL_OPERATOR_KEY",
    question: "Passphrase: ",
  },
): Promise<string> {
  const { active, isKnown } = known(operators, name);
  if (active === 0)
    throw new ScansealError("usage", "this site has no operators yet: scanseal operator add NAME");
  const refuse = async (why: string): Promise<void> =>
    journal?.addRecord({
      id: newId(),
      at: systemClock.now(),
      actor: "gateway",
      act: "operator.refused",
      // Not what was typed: people type passphrases where names belong.
      subject: isKnown ? name : "unknown",
      detail: { why, command },
    });
  const proof = await proofOf(operators, name, command, asked);
  if (proof.result === "proven") {
    const role = roleFor(command);
    if (operators.mayDo(proof.name, role)) return proof.name;
    await refuse("wrong-role");
    throw new ScansealError("usage", `${proof.name} does not have the role ${role}: nothing was done`);
  }
  await refuse(proof.why);
  if (proof.why === "wrong-key") throw new ScansealError("usage", "that is not this operator's key");
  if (proof.why !== "locked") throw new ScansealError("usage", "the operator's name or passphrase is wrong");
  const seconds = Math.ceil(proof.retryInMs / 1_000);
  throw new ScansealError("usage", `too many wrong tries: try again in ${seconds} s`);
}

interface Asked {
  readonly variable: string;
  /** Names the file of the private key. */
  readonly keyVariable: string;
  readonly question: string;
}

async function proofOf(
  operators: Operators,
  name: string,
  command: string,
  { variable, keyVariable, question }: Asked,
): Promise<Authentication> {
  if (!operators.hasKey(name)) return operators.authenticate(name, await passphraseFrom(variable, question));
  const path = process.env[keyVariable];
  if (path === undefined || path === "")
    throw new ScansealError(
      "usage",
      `${name} proves by key: set ${keyVariable} to the file of the private key`,
    );
  const challenge = operators.challenge(name, command);
  const signature = await signChallenge(challenge, readText(path), () => passphraseFrom(variable, question));
  return operators.answer(name, challenge, signature);
}

function known(operators: Operators, name: string): { active: number; isKnown: boolean } {
  const active = operators.list().filter(({ removedAt }) => removedAt === undefined);
  return { active: active.length, isKnown: active.some((operator) => operator.name === name) };
}
