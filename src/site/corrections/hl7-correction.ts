/** What ADT^A08, ADT^A40 and ORM^O01 say that a patient's or an order's attributes are (IHE RAD TF-2, 4.12 and 4.4). */
import type { Tag } from "../../dicom/tags.ts";
import { uidForm } from "../../dicom/uid.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { Hl7Message } from "./hl7-message.ts";
import { type RequestedCorrection, requireCorrectable } from "./requested-correction.ts";

function refused(why: string): never {
  throw new ScansealError("usage", `the HL7 message cannot be used: ${why}`);
}

/**
 * @param studies in place of the message's own
 * @throws ScansealError `usage` for another message, or one that does not say whom it is about; without anything of it
 */
export function hl7Correction(bytes: Bytes, studies?: readonly string[]): RequestedCorrection {
  const message = Hl7Message.parse(bytes);
  const kind = `${message.text("MSH", 9, 1)}^${message.text("MSH", 9, 2)}`;
  const approvedBy = [senderOf(message)];
  const named = studies ? { studies } : {};
  if (message.count("PID") !== 1) refused("it is about no patient, or about several");
  switch (kind) {
    case "ADT^A08": {
      const patient = patientIn(message, "PID", 3);
      return { basis: "adt-a08", approvedBy, values: demographics(message), patient, ...named };
    }
    case "ADT^A40": {
      if (message.count("MRG") !== 1) refused("it names no patient that is merged, or several");
      const patient = patientIn(message, "MRG", 1);
      const into = patientIn(message, "PID", 3);
      if (patient.id === into.id && patient.issuer === into.issuer)
        refused("a patient cannot be merged into himself");
      const values = new Map([...demographics(message), [patientId, into.id] as const]);
      if (into.issuer !== undefined && into.issuer !== patient.issuer)
        values.set(issuerOfPatientId, into.issuer);
      return { basis: "adt-a40", approvedBy, values: checked(values), patient, ...named };
    }
    case "ORM^O01":
      return order(message, approvedBy, studies);
    default:
      return refused("it is none of ADT^A08, ADT^A40, ORM^O01");
  }
}

const patientName = 0x00100010;
const patientId = 0x00100020;
const issuerOfPatientId = 0x00100021;
const birthDate = 0x00100030;
const sex = 0x00100040;
const accessionNumber = 0x00080050;
const requestedProcedureId = 0x00401001;

/** The sending system's own name, as far as a label can hold it. */
function senderOf(message: Hl7Message): string {
  const name = [message.text("MSH", 3), message.text("MSH", 4)].filter((part) => part !== "").join("@");
  const label = name.replace(/[^ -~]/g, "?").slice(0, 64);
  return label.trim() === "" ? "an unnamed HL7 system" : label;
}

/** The first identifier (CX): its number and the authority that gave it. */
function patientIn(
  message: Hl7Message,
  segment: string,
  field: number,
): { id: string; issuer: string | undefined } {
  const [first = "", ...others] = message.repetitions(segment, field);
  const id = message.component(first, 1);
  if (id === "" || id === '""') refused(`${segment}-${field} names nobody`);
  const authority = (text: string): string => message.subcomponent(text, 4, 1);
  // Two numbers of one authority: which of them the images have cannot be told.
  if (others.some((other) => authority(other) === authority(first) && message.component(other, 1) !== id))
    refused(`${segment}-${field} has two identifiers of one authority`);
  return { id, issuer: authority(first) === "" ? undefined : authority(first) };
}

/** Fields that are empty say nothing; "" in quotes says that there is no value (HL7 v2.5.1 section 2.5.3). */
function demographics(message: Hl7Message): ReadonlyMap<Tag, string> {
  const values = new Map<Tag, string>();
  const add = (tag: Tag, field: number, read: (repetition: string) => string): void => {
    const [first] = message.repetitions("PID", field);
    if (first !== undefined) values.set(tag, first === '""' ? "" : read(first));
  };
  add(patientName, 5, (name) => nameOf(message, name));
  add(birthDate, 7, (date) => message.component(date, 1).slice(0, 8));
  add(sex, 8, (code) => sexOf(message.component(code, 1)));
  return checked(values);
}

/** XPN is family, given, further, suffix, prefix; PN is family, given, middle, prefix, suffix (PS3.5 section 6.2.1). */
function nameOf(message: Hl7Message, name: string): string {
  const [family, given, middle, suffix, prefix] = [1, 2, 3, 4, 5].map((i) => message.component(name, i));
  const parts = [family, given, middle, prefix, suffix].map((part = "") => {
    if (/[\^=\\]/.test(part)) refused("PID-5 has characters that separate the parts of a DICOM name");
    return part;
  });
  return parts.join("^").replace(/\^+$/, "");
}

/** HL7 table 0001. DICOM knows M, F, O and nothing. */
function sexOf(code: string): string {
  if (["M", "F", "O"].includes(code)) return code;
  if (code === "A" || code === "N") return "O";
  return code === "U" ? "" : refused("PID-8 is none of M, F, O, A, N, U");
}

function order(
  message: Hl7Message,
  approvedBy: readonly string[],
  studies: readonly string[] | undefined,
): RequestedCorrection {
  if (message.count("OBR") !== 1 || message.count("ORC") !== 1)
    refused("it is about no order, or about several");
  // ZDS-1: Study Instance UID (IHE RAD TF-2, 4.4.4.1.2.3).
  const named = message.text("ZDS", 1);
  if (named !== "" && !uidForm.test(named)) refused("ZDS-1 is no UID");
  if (named === "" && !studies) refused("it names no study (ZDS-1): say which with --study");
  if (named !== "" && studies && !studies.includes(named)) refused("it is about another study than --study");
  // OBR-18 is the Accession Number in IHE; elsewhere the filler's number is (OBR-3, ORC-3).
  const accession = [message.text("OBR", 18), message.text("OBR", 3), message.text("ORC", 3)].find(
    (text) => text !== "",
  );
  if (accession === undefined) refused("it names no accession number (OBR-18, OBR-3, ORC-3)");
  const values = new Map<Tag, string>([[accessionNumber, accession]]);
  const procedure = message.text("OBR", 19);
  if (procedure !== "") values.set(requestedProcedureId, procedure);
  return {
    basis: "orm",
    approvedBy,
    values: checked(values),
    patient: patientIn(message, "PID", 3),
    studies: named === "" ? studies! : [named],
  };
}

function checked(values: ReadonlyMap<Tag, string>): ReadonlyMap<Tag, string> {
  for (const [tag, text] of values) requireCorrectable(tag, text);
  return values;
}
