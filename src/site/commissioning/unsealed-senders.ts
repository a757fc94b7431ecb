/** Who sends without a seal that this site can check: as far as an AE title and a modality tell devices apart. */
import type { IssuedEntry } from "../../keys/custody/authority-ledger.ts";
import type { SourceKind } from "../../store/journal/source-record.ts";

export interface UnsealedSender {
  /** Calling AE title: a label that anybody can write. */
  readonly peerTitle: string;
  readonly modality: string | undefined;
  readonly objects: number;
  /** Enrolled under this AE title: it could seal. */
  readonly enrolledAs: string | undefined;
  /** What to run; a placeholder stands where only a person knows. */
  readonly command: string;
}

/** Most frequent first. @param issued of the site's authority */
export function unsealedSenders(
  kinds: readonly SourceKind[],
  issued: readonly Pick<IssuedEntry, "name" | "aeTitle">[],
): UnsealedSender[] {
  const senders = new Map<string, { peerTitle: string; modality: string | undefined; objects: number }>();
  for (const { verdict, sealedBy, peerTitle, modality, objects } of kinds) {
    if (sealedBy !== undefined || (verdict !== "unsealed" && verdict !== "received")) continue;
    const key = JSON.stringify([peerTitle, modality ?? null]);
    const known = senders.get(key) ?? { peerTitle, modality, objects: 0 };
    senders.set(key, { ...known, objects: known.objects + objects });
  }
  return [...senders.values()]
    .sort((a, b) => b.objects - a.objects)
    .map((sender) => {
      const enrolledAs = issued.findLast(({ aeTitle }) => aeTitle === sender.peerTitle)?.name;
      return { ...sender, enrolledAs, command: commandFor(sender.peerTitle, enrolledAs) };
    });
}

/** People paste it into a shell, and a peer chose the title: any but a plain one is left to be typed. */
function commandFor(peerTitle: string, enrolledAs: string | undefined): string {
  if (enrolledAs !== undefined) return `scanseal keys list: ${enrolledAs} has a key; have it seal at capture`;
  const isPlain = /^[A-Za-z0-9][A-Za-z0-9._-]{0,15}$/.test(peerTitle);
  return `scanseal enroll ${isPlain ? peerTitle : "NAME"} --ae ${isPlain ? peerTitle : "TITLE"} --serial SERIAL`;
}
