/** Sessions of a reader who asks everything that can be asked over DIMSE, to be damaged by pdu-mutations.ts. */
import { type NewElement, textElement } from "../../src/dicom/encode.ts";
import { tags } from "../../src/dicom/tags.ts";
import {
  type CommandSet,
  commandField,
  encodeCommandSet,
} from "../../src/dicom-network/dimse/command-set.ts";
import {
  queryRetrieveClassUid,
  storageCommitmentClass,
  storageCommitmentInstance,
} from "../../src/dicom-network/dimse/sop-classes.ts";
import { encodeAssociateRequest } from "../../src/dicom-network/dimse/upper-layer/pdu-associate.ts";
import { encodeIdentifier } from "../../src/dicom-network/query/identifier.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import type { InstanceName } from "../../src/zero-trust/gateway/reading/ports.ts";
import { dataPdu, releaseRequest } from "../dicom-network/raw-peer.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import { ctStorage, implicitLittleEndian } from "./dimse-wire.ts";

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7";
const classes = [
  ...(["study", "patient"] as const).flatMap((root) =>
    (["find", "move", "get"] as const).map((operation) => queryRetrieveClassUid(root, operation)),
  ),
  storageCommitmentClass,
  ctStorage,
  secondaryCapture,
];
const contextOf = (sopClassUid: string): number => 2 * classes.indexOf(sopClassUid) + 1;

const associateToRead: Bytes = encodeAssociateRequest({
  callingAeTitle: "EVIL",
  calledAeTitle: "GATE",
  applicationContext: "1.2.840.10008.3.1.1.1",
  contexts: classes.map((abstractSyntax) => ({
    id: contextOf(abstractSyntax),
    abstractSyntax,
    transferSyntaxes: [implicitLittleEndian],
  })),
  user: {
    maxPduBytes: 16_384,
    implementationClassUid: "1.2.3",
    roles: [ctStorage, secondaryCapture, storageCommitmentClass].map((sopClassUid) => ({
      sopClassUid,
      scu: true,
      scp: true,
    })),
  },
});

function message(sopClassUid: string, command: Partial<CommandSet>, elements?: readonly NewElement[]): Bytes {
  const context = contextOf(sopClassUid);
  const whole = { field: 0, hasDataSet: elements !== undefined, messageId: 1, sopClassUid, ...command };
  const pdus = [dataPdu([context, 3, encodeCommandSet(whole)])];
  if (elements) pdus.push(dataPdu([context, 2, encodeIdentifier(elements, implicitLittleEndian)]));
  return concatBytes(pdus);
}

const levels = ["PATIENT", "STUDY", "SERIES", "IMAGE", "FRAME", ""] as const;
const names = ["", "*", "A*", "*^*", "?????", "*a*b*c*d*e*", "x".repeat(64), "=*=*", "\u00e4*"];
const dates = ["", "20260101", "-20260101", "20260101-", "20261301-19000101", "2026", "20260101-20261231"];

function oneOf<T>(random: SeededRandom, all: readonly T[]): T {
  return all[random.below(all.length)]!;
}

function rightIdentifiers(
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceName,
  isFind: boolean,
): readonly (readonly NewElement[])[] {
  const study = textElement(tags.studyInstanceUid, "UI", studyInstanceUid);
  const series = textElement(tags.seriesInstanceUid, "UI", seriesInstanceUid);
  const instance = textElement(tags.sopInstanceUid, "UI", sopInstanceUid);
  // What is asked for is a key without a value.
  const asked = (element: NewElement): NewElement => (isFind ? textElement(element.tag, "UI", "") : element);
  return [
    [textElement(0x00080052, "CS", "STUDY"), asked(study)],
    [textElement(0x00080052, "CS", "SERIES"), study, asked(series)],
    [textElement(0x00080052, "CS", "IMAGE"), study, series, asked(instance)],
  ];
}

function wrongIdentifier(
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceName,
  random: SeededRandom,
): readonly NewElement[] {
  const uid = (real: string): string =>
    oneOf(random, [
      real,
      "",
      "1.2.3",
      `${real}\\1.2.3`,
      Array(200).fill("1.2.3.4.5.6").join("\\"),
      "*",
      `${real}.`,
    ]);
  const maybe = (tag: number, real: string): readonly NewElement[] =>
    random.below(2) === 0 ? [textElement(tag, "UI", uid(real))] : [];
  return [
    textElement(0x00080052, "CS", oneOf(random, levels)),
    textElement(0x00080061, "CS", "CT\\MR"),
    ...maybe(tags.studyInstanceUid, studyInstanceUid),
    ...maybe(tags.seriesInstanceUid, seriesInstanceUid),
    ...maybe(tags.sopInstanceUid, sopInstanceUid),
  ];
}

function identifier(name: InstanceName, random: SeededRandom, isFind: boolean): readonly NewElement[] {
  const named =
    random.below(3) === 0 ? wrongIdentifier(name, random) : oneOf(random, rightIdentifiers(name, isFind));
  if (!isFind || random.below(2) > 0) return named;
  return [
    ...named,
    textElement(0x00080020, "DA", oneOf(random, dates)),
    textElement(0x00100010, "PN", oneOf(random, names)),
    textElement(0x00100020, "LO", oneOf(random, names)),
  ];
}

/** A C-GET, and answers to what it may give, unasked. */
function get(name: InstanceName, random: SeededRandom, sopClassUid: string): Bytes {
  const asked = message(
    sopClassUid,
    { field: commandField.getRequest, priority: 0 },
    identifier(name, random, false),
  );
  const answer = message(ctStorage, {
    field: commandField.storeRequest | 0x8000,
    messageId: undefined,
    respondedTo: 1,
    status: oneOf(random, [0, 0, 0xb000, 0xa700]),
    sopInstanceUid: name.sopInstanceUid,
  });
  return concatBytes([asked, ...Array<Bytes>(random.below(3)).fill(answer)]);
}

/** One association with one to four of what readers ask; what they answer to C-GET is sent unasked. */
export function readingSession(name: InstanceName, random: SeededRandom): Bytes {
  const root = oneOf(random, ["study", "study", "study", "patient"] as const);
  const asks: readonly (() => Bytes)[] = [
    () => {
      const command = { field: commandField.findRequest, priority: 0 };
      return message(queryRetrieveClassUid(root, "find"), command, identifier(name, random, true));
    },
    () => get(name, random, queryRetrieveClassUid(root, "get")),
    () => {
      const moveDestination = oneOf(random, ["EVIL", "NOBODY", "GATE"]);
      const command = { field: commandField.moveRequest, priority: 0, moveDestination };
      return message(queryRetrieveClassUid(root, "move"), command, identifier(name, random, false));
    },
    () => {
      const operation = oneOf(random, ["find", "get", "move"] as const);
      const command = { field: commandField.cancelRequest, messageId: undefined, respondedTo: 1 };
      return message(queryRetrieveClassUid("study", operation), command);
    },
    () => {
      const command = {
        field: commandField.actionRequest,
        sopClassUid: undefined,
        requestedSopClassUid: storageCommitmentClass,
        requestedSopInstanceUid: storageCommitmentInstance,
        actionTypeId: 1,
      };
      return message(storageCommitmentClass, command, [textElement(0x00081195, "UI", "2.25.9")]);
    },
  ];
  const parts = Array.from({ length: 1 + random.below(random.below(4) + 1) }, () => oneOf(random, asks)());
  return concatBytes([associateToRead, ...parts, ...(random.below(2) === 0 ? [releaseRequest] : [])]);
}
