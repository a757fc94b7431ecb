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

/** One association with one to four of what readers ask; what they answer to C-GET is sent unasked. */
export function readingSession(
  { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: InstanceName,
  random: SeededRandom,
): Bytes {
  const one = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
  const uid = (real: string): string =>
    one([real, "", "1.2.3", `${real}\\1.2.3`, Array(200).fill("1.2.3.4.5.6").join("\\"), "*", `${real}.`]);
  const study = textElement(tags.studyInstanceUid, "UI", studyInstanceUid);
  const series = textElement(tags.seriesInstanceUid, "UI", seriesInstanceUid);
  const instance = textElement(tags.sopInstanceUid, "UI", sopInstanceUid);
  const empty = (element: NewElement): NewElement => textElement(element.tag, "UI", "");
  const rightOnes = (isFind: boolean): NewElement[][] => [
    [textElement(0x00080052, "CS", "STUDY"), isFind ? empty(study) : study],
    [textElement(0x00080052, "CS", "SERIES"), study, isFind ? empty(series) : series],
    [textElement(0x00080052, "CS", "IMAGE"), study, series, isFind ? empty(instance) : instance],
  ];
  const wrongOne = (): NewElement[] => [
    textElement(0x00080052, "CS", one(levels)),
    textElement(0x00080061, "CS", "CT\\MR"),
    ...(random.below(2) === 0 ? [textElement(tags.studyInstanceUid, "UI", uid(studyInstanceUid))] : []),
    ...(random.below(2) === 0 ? [textElement(tags.seriesInstanceUid, "UI", uid(seriesInstanceUid))] : []),
    ...(random.below(2) === 0 ? [textElement(tags.sopInstanceUid, "UI", uid(sopInstanceUid))] : []),
  ];
  const identifier = (isFind: boolean): NewElement[] => {
    const named = random.below(3) === 0 ? wrongOne() : one(rightOnes(isFind));
    const matched = isFind && random.below(2) === 0;
    return [
      ...named,
      ...(matched
        ? [
            textElement(0x00080020, "DA", one(dates)),
            textElement(0x00100010, "PN", one(names)),
            textElement(0x00100020, "LO", one(names)),
          ]
        : []),
    ];
  };
  const root = one(["study", "study", "study", "patient"] as const);
  const asks: readonly (() => Bytes)[] = [
    () =>
      message(
        queryRetrieveClassUid(root, "find"),
        { field: commandField.findRequest, priority: 0 },
        identifier(true),
      ),
    () => {
      const get = message(
        queryRetrieveClassUid(root, "get"),
        { field: commandField.getRequest, priority: 0 },
        identifier(false),
      );
      const answer = message(ctStorage, {
        field: commandField.storeRequest | 0x8000,
        messageId: undefined,
        respondedTo: 1,
        status: one([0, 0, 0xb000, 0xa700]),
        sopInstanceUid,
      });
      return concatBytes([get, ...Array<Bytes>(random.below(3)).fill(answer)]);
    },
    () =>
      message(
        queryRetrieveClassUid(root, "move"),
        { field: commandField.moveRequest, priority: 0, moveDestination: one(["EVIL", "NOBODY", "GATE"]) },
        identifier(false),
      ),
    () =>
      message(queryRetrieveClassUid("study", one(["find", "get", "move"])), {
        field: commandField.cancelRequest,
        messageId: undefined,
        respondedTo: 1,
      }),
    () =>
      message(
        storageCommitmentClass,
        {
          field: commandField.actionRequest,
          sopClassUid: undefined,
          requestedSopClassUid: storageCommitmentClass,
          requestedSopInstanceUid: storageCommitmentInstance,
          actionTypeId: 1,
        },
        [textElement(0x00081195, "UI", "2.25.9")],
      ),
  ];
  const parts = Array.from({ length: 1 + random.below(random.below(4) + 1) }, () => one(asks)());
  return concatBytes([associateToRead, ...parts, ...(random.below(2) === 0 ? [releaseRequest] : [])]);
}
