/** `scanseal keys list | rotate | revoke`: the keys of a site, from their beginning to their end. */
import { join } from "node:path";
import type { KeyChoice } from "../../keys/custody/private-key.ts";
import { expiryWarnings } from "../../keys/trust/expiry.ts";
import { systemClock } from "../../platform/node/crypto.ts";
import { openHome } from "../../site/home.ts";
import { listKeys as keysOf, type ListedKey } from "../../site/keys/key-list.ts";
import { type RevokedKeys, revokeKey } from "../../site/keys/key-revocation.ts";
import { rotateKey } from "../../site/keys/key-rotation.ts";
import { type RevocationWord, revocationWords } from "../../site/keys/revocation-words.ts";
import { enrolOffices } from "../../site/provenance/record-signers.ts";
import { jsonLine } from "../terminal/json-line.ts";
import { type Column, formatTable } from "../terminal/table.ts";
import { recordMachineAct } from "./machine-acts.ts";

const columns: readonly Column[] = [
  { title: "NAME", shrinks: true },
  { title: "ROLE" },
  { title: "KEY" },
  { title: "EPOCH", align: "right" },
  { title: "UNTIL" },
  { title: "STATE" },
  { title: "SHA-256", shrinks: true },
];

function say(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function day(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 10);
}

/** To the second, as in a revocation list. */
function moment(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

function wordOf(reason: string): string {
  return Object.entries(revocationWords).find(([, name]) => name === reason)?.[0] ?? reason;
}

/** Makes the site's own keys for records first, where a site was made before it had them. @returns 0 */
export async function listKeys(options: { readonly home: string; readonly json: boolean }): Promise<number> {
  const home = openHome(options.home);
  await enrolOffices(home);
  const keys = keysOf(home);
  if (options.json) for (const key of keys) process.stdout.write(`${jsonLine(jsonOf(key))}\n`);
  else say(...formatTable(columns, keys.map(cellsOf), process.stdout.columns));
  return 0;
}

/** Of what is used, 60 days before. */
function leftText(endsAt: number, state: ListedKey["state"]): string {
  if (state !== "in use") return "";
  const [warning] = expiryWarnings([{ label: "", endsAt }], systemClock.now());
  if (!warning || warning.daysLeft < 0) return "";
  return ` (${warning.daysLeft === 1 ? "1 day" : `${warning.daysLeft} days`})`;
}

function cellsOf({
  name,
  roles,
  kind,
  keyEpoch,
  endsAt,
  state,
  revocation,
  fingerprint,
}: ListedKey): string[] {
  const told = revocation ? `revoked since ${day(revocation.since)}, ${wordOf(revocation.reason)}` : state;
  const until = endsAt === undefined ? "" : `${day(endsAt)}${leftText(endsAt, state)}`;
  return [name, roles.join(","), kind ?? "", keyEpoch?.toString() ?? "", until, told, fingerprint];
}

function jsonOf({ endsAt, revocation, ...key }: ListedKey): object {
  return {
    ...key,
    kind: key.kind ?? null,
    keyEpoch: key.keyEpoch ?? null,
    endsAt: endsAt === undefined ? null : new Date(endsAt).toISOString(),
    ...(revocation ? { revokedSince: moment(revocation.since), reason: wordOf(revocation.reason) } : {}),
  };
}

/** @returns 0 */
export async function rotateKeys(
  name: string,
  options: { readonly home: string; readonly key?: KeyChoice },
): Promise<number> {
  const { certificate, keyEpoch, replaced } = await rotateKey(openHome(options.home), name, {
    keyType: options.key,
  });
  await recordMachineAct(options, "key-rotated", name, { epoch: keyEpoch });
  say(
    `${name} has a new key: epoch ${keyEpoch}, valid until ${day(certificate.notAfter)}.`,
    `SHA-256: ${certificate.fingerprint}`,
    "What the old key signed is believed as before; it signs nothing more. A gate that runs takes the new key at its next start.",
    ...(replaced === undefined
      ? []
      : [
          `Was the old key stolen? scanseal keys revoke ${name} --epoch ${replaced} --reason key-compromise --since DATE`,
        ]),
  );
  return 0;
}

export interface RevokeOptions {
  readonly home: string;
  readonly reason: RevocationWord;
  /** Milliseconds since 1970. */
  readonly since?: number;
  readonly epoch?: number;
}

/** @returns 0 */
export async function revokeKeys(name: string, options: RevokeOptions): Promise<number> {
  const home = openHome(options.home);
  const done = await revokeKey(home, name, options);
  await recordMachineAct(options, "key-revoked", name, { why: options.reason });
  say(
    ...done.revoked.map(
      ({ keyEpoch, fingerprint }) => `Revoked: ${name}, key epoch ${keyEpoch}. SHA-256: ${fingerprint}`,
    ),
    ...consequences(done, options),
    ...done.standing.map(
      ({ keyEpoch }) => `Not revoked: key epoch ${keyEpoch} (--epoch ${keyEpoch} revokes it).`,
    ),
    `Elsewhere it is known when the new list is imported: scanseal trust import ${join(options.home, "authority", "crl.pem")}`,
    ...(options.reason === "cessation" || !done.owner.isHere
      ? []
      : [`A new key: scanseal keys rotate ${name}`]),
  );
  return 0;
}

/** What becomes of what was signed before (spec/trusted-time.md section 4; records: spec/records.md). */
function consequences({ owner, isStolen, since }: RevokedKeys, options: RevokeOptions): string[] {
  const before = `before ${moment(since)}`;
  const things = owner.office === undefined ? "seals" : "records";
  const untrusted = `Its ${things} are untrusted from now on, old ones too`;
  if (owner.office !== undefined)
    return isStolen
      ? [`${untrusted}: no record has a proof of its time that a stolen key leaves standing.`]
      : [`${untrusted}, but for those that this site had ${before}.`];
  const others = "a time stamp, or a log proof that witnesses cosigned,";
  if (!isStolen)
    return [
      `${untrusted}, but for those that others or this site prove to be older (docs/time.md):`,
      `${others} from ${before}; or that this site itself saw them then, which counts here only.`,
    ];
  return [
    `${untrusted}, but for those that others prove to be older (docs/time.md):`,
    `${others} from ${before}. That this site saw them earlier does not count.`,
    ...(options.since === undefined
      ? [
          "Whoever had the key may have got stamps until then: name the day of the theft with --since, also later.",
        ]
      : []),
  ];
}
