/** What a reader is told of instances that it is not given, or is given although they do not pass: counted while it reads, made into a notice at the end. */
import type { JsonDataSet } from "../../../dicom/json/json-model.ts";
import { explicitLittleEndianUid, implicitLittleEndianUid } from "../../../dicom/transfer-syntax.ts";
import type { OpenAssociation } from "../../../dicom-network/dimse/service.ts";
import type { EventSink } from "../../../operations/event.ts";
import type { Opening } from "../../quarantine/opened.ts";
import { told } from "../fault-words.ts";
import type { InstanceName, Reader } from "./ports.ts";
import type { GateNotice, NoticeRead, Read, VerifiedObject, Withholding } from "./read.ts";
import type { PlannedInstance } from "./reading-desk.ts";

export const secondaryCaptureClass = "1.2.840.10008.5.1.4.1.1.7";
/** Every association that takes a class uncompressed takes it (PS3.5 10.1). */
export const noticeDefaultSyntax: string = implicitLittleEndianUid;

/** How a reader gets its notices. */
export interface NoticeTerms {
  /** Implicit or explicit little endian. */
  readonly transferSyntaxUid: string;
  /** As of its plan. */
  readonly isArchiveUnlisted: boolean;
}

export interface NotGiven {
  readonly instance: InstanceName;
  readonly withholding: Withholding;
  readonly instanceNumber: number | undefined;
}

/** Given because people opened it. */
export interface GivenUnproven {
  readonly instance: InstanceName;
  readonly verdict: string;
  readonly opening: Opening;
  readonly instanceNumber: number | undefined;
}

/** Something was withheld, given although it does not pass, or nobody could be asked what else there is. */
export interface NoticeRequest extends NoticeTerms {
  readonly studyInstanceUid: string;
  readonly withheld: readonly NotGiven[];
  readonly unproven: readonly GivenUnproven[];
  /** Of the study, as it was asked for. */
  readonly total: number;
  readonly reader: string;
  /** What an object of the study says of patient and study that was given; for what the index does not know. */
  readonly subject: JsonDataSet | undefined;
}

export interface Notices {
  /** @throws ScansealError `io` */
  subjectOf(object: VerifiedObject): Promise<JsonDataSet>;
  /** The same facts on one day give the same instance. @throws ScansealError `io`, `storage-full`, `key-unusable`, whatever makes it fail */
  make(request: NoticeRequest): Promise<GateNotice>;
}

/** In which syntax a reader takes it with C-GET; undefined: in none. */
export function noticeSyntaxOf({
  contexts,
  rolesOf,
}: Pick<OpenAssociation, "contexts" | "rolesOf">): string | undefined {
  if (!rolesOf(secondaryCaptureClass).scp) return undefined;
  return contexts.find(
    ({ abstractSyntax, transferSyntax }) =>
      abstractSyntax === secondaryCaptureClass &&
      (transferSyntax === explicitLittleEndianUid || transferSyntax === implicitLittleEndianUid),
  )?.transferSyntax;
}

interface StudyTally {
  total: number;
  isKnown: boolean;
  readonly withheld: NotGiven[];
  readonly unproven: GivenUnproven[];
  subject: { readonly attributes: JsonDataSet; readonly isProven: boolean } | undefined;
}

/** One reading's. */
export class WithheldTally {
  readonly #studies = new Map<string, StudyTally>();
  readonly #notices: Notices;
  readonly #events: EventSink;

  constructor(notices: Notices, events: EventSink) {
    this.#notices = notices;
    this.#events = events;
  }

  /** These are read next. */
  expect(instances: readonly PlannedInstance[]): void {
    for (const { asked, admitted } of instances) {
      const { studyInstanceUid } = asked;
      const known = this.#studies.get(studyInstanceUid);
      const tally = known ?? { total: 0, isKnown: false, withheld: [], unproven: [], subject: undefined };
      if (!known) this.#studies.set(studyInstanceUid, tally);
      tally.total++;
      tally.isKnown ||= admitted !== undefined;
    }
  }

  async add(read: Read, { asked, admitted }: PlannedInstance): Promise<void> {
    const tally = this.#studies.get(asked.studyInstanceUid);
    if (!tally) return;
    const instanceNumber = admitted?.instanceNumber;
    if (read.kind === "delivered") await this.#learn(tally, read);
    else if (read.kind === "opened") {
      const { object: instance, opening } = read.object;
      tally.unproven.push({ instance, verdict: instance.verdict, opening, instanceNumber });
    } else if (!isOldNotice(read.withholding)) {
      const { instance, withholding } = read;
      tally.withheld.push({ instance, withholding, instanceNumber });
    }
  }

  /** Of a study that the index does not know: nothing is taken from what was withheld, and what is proven goes before what is not. */
  async #learn(tally: StudyTally, { object }: Extract<Read, { kind: "delivered" }>): Promise<void> {
    const isProven = object.basis !== "observed";
    if (tally.isKnown || tally.subject?.isProven === true || (tally.subject && !isProven)) return;
    try {
      tally.subject = { attributes: await this.#notices.subjectOf(object.object), isProven };
    } catch (error) {
      this.#events({ kind: "fault", where: "notice for a reader", ...told(error) });
    }
  }

  /** One for each study of which something was withheld, does not pass, or may be missing. What cannot be made is told; the reading ends as it would. */
  async *read({ name }: Reader, terms: NoticeTerms): AsyncGenerator<NoticeRead, void, undefined> {
    for (const [studyInstanceUid, { total, withheld, unproven, subject }] of this.#studies) {
      if (withheld.length + unproven.length === 0 && !terms.isArchiveUnlisted) continue;
      const facts = { studyInstanceUid, withheld, unproven, total, subject: subject?.attributes };
      let notice: GateNotice;
      try {
        notice = await this.#notices.make({ ...facts, ...terms, reader: name });
      } catch (error) {
        this.#events({ kind: "fault", where: "notice for a reader", ...told(error) });
        continue;
      }
      this.#events({ kind: "read-notice", reader: name, withheld: withheld.length, total });
      // A file that cannot be removed is removed with its folder at the next start.
      const done = (): void => void notice.staged.free().catch(() => undefined);
      yield { kind: "notice", notice, done };
    }
  }
}

/** A notice that somebody put into the archive is no image that is missed. Its own name, its own seal: in another's place it is not this. */
function isOldNotice(withholding: Withholding): boolean {
  return withholding.why === "policy" && withholding.verdict === "notice";
}
