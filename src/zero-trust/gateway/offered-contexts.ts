/** Which presentation contexts a gateway takes: verification and storage, in every transfer syntax whose bytes it can read. */
import {
  explicitBigEndianUid,
  explicitLittleEndianUid,
  implicitLittleEndianUid,
  transferSyntaxOf,
} from "../../dicom/transfer-syntax.ts";
import { verificationSopClass } from "../../dicom-network/dimse/presentation.ts";
import type { ContextChoice } from "../../dicom-network/dimse/service.ts";
import { queryRetrieveClassOf, storageCommitmentClass } from "../../dicom-network/dimse/sop-classes.ts";

/** PS3.4 B.5; some storage classes stand elsewhere among the standard's UIDs, those of annex GG (non-patient objects) too. */
const storagePrefix = "1.2.840.10008.5.1.4.1.1.";
const storageElsewhere: ReadonlySet<string> = new Set([
  "1.2.840.10008.5.1.4.34.7",
  "1.2.840.10008.5.1.4.34.10",
  "1.2.840.10008.5.1.4.38.1",
  "1.2.840.10008.5.1.4.39.1",
  "1.2.840.10008.5.1.4.43.1",
  "1.2.840.10008.5.1.4.44.1",
  "1.2.840.10008.5.1.4.45.1",
]);
/** What stands among them and stores nothing: queries and retrieval of protocol approvals and inventories. */
const nothingStored = /^1\.2\.840\.10008\.5\.1\.4\.1\.1\.(200\.[456]|201\.([2-6]|1\.1))$/;
const standardPrefix = "1.2.840.10008.";

/** Classes that store something, by their UIDs. */
export function isStorageClass(uid: string): boolean {
  return (
    (uid.startsWith(storagePrefix) && !nothingStored.test(uid)) ||
    storageElsewhere.has(uid) ||
    !uid.startsWith(standardPrefix)
  );
}

/** What a peer is offered beside storage. */
export interface OfferedServices {
  readonly isReading: boolean;
  readonly isCommitting: boolean;
}

/** Identifiers and references in little endian (PS3.4 C.5, J.3). */
const identifierSyntaxes: readonly string[] = [explicitLittleEndianUid, implicitLittleEndianUid];

/** Big endian is retired (PS3.5 2006). */
function isObjectSyntax(uid: string): boolean {
  return transferSyntaxOf(uid) !== undefined && uid !== explicitBigEndianUid;
}

/** Of an object that names its form itself, what a presentation context would be refused for; undefined: it would not. */
export function refusedForm(sopClassUid: string, transferSyntaxUid: string): "class" | "syntax" | undefined {
  if (!isStorageClass(sopClassUid)) return "class";
  return isObjectSyntax(transferSyntaxUid) ? undefined : "syntax";
}

/** The first transfer syntax proposed that we know. Classes that are not the standard's are somebody's own storage. */
export function chooseContext(
  abstractSyntax: string,
  transferSyntaxes: readonly string[],
  { isReading, isCommitting }: OfferedServices,
): ContextChoice {
  const isAsked =
    (isReading && queryRetrieveClassOf(abstractSyntax) !== undefined) ||
    (isCommitting && abstractSyntax === storageCommitmentClass);
  if (!isAsked && !isStorageClass(abstractSyntax) && abstractSyntax !== verificationSopClass)
    return { refuse: 3 };
  const known = transferSyntaxes.find((uid) =>
    isAsked ? identifierSyntaxes.includes(uid) : isObjectSyntax(uid),
  );
  return known === undefined ? { refuse: 4 } : { transferSyntax: known };
}
