/** Where notices for readers are made: from the index of verified attributes, sealed by the site's key for them, kept for the day. */

import { plainTextOf } from "../../dicom/elements.ts";
import type { JsonDataSet } from "../../dicom/json/json-model.ts";
import { toJsonDataSet } from "../../dicom/json/to-json.ts";
import { readDicom, tolerableCodes } from "../../dicom/read.ts";
import { tags } from "../../dicom/tags.ts";
import { MemorySource } from "../../foundation/byte-source.ts";
import { type Bytes, toHex, utf8 } from "../../foundation/bytes.ts";
import type { Clock } from "../../foundation/crypto.ts";
import { deviceStatus, openDeviceCounter } from "../../keys/custody/device-keys.ts";
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, nodeRandom } from "../../platform/node/crypto.ts";
import { nodeTextDecoding } from "../../platform/node/text-decoding.ts";
import type { SealingDevice } from "../../sealing/seal.ts";
import type { InstanceIndex } from "../../store/index/instance-index.ts";
import {
  type NotGiven,
  type NoticeRequest,
  type Notices,
  secondaryCaptureClass,
} from "../../zero-trust/gateway/reading/notice.ts";
import type { Staging } from "../../zero-trust/gateway/reading/ports.ts";
import type { GateNotice, VerifiedObject } from "../../zero-trust/gateway/reading/read.ts";
import { sentenceOf } from "../../zero-trust/policy/sentences.ts";
import type { FindingCode } from "../../zero-trust/policy/verdict.ts";
import { withExtents } from "../gateway/spooled-object.ts";
import type { SiteHome } from "../home.ts";
import { openOffice } from "../provenance/record-signers.ts";
import { newNoticeUid, noticeFile, noticeSeriesUid, sealedNotice } from "./notice-object.ts";
import { noticePicture } from "./notice-picture.ts";
import { NoticeShelf } from "./notice-shelf.ts";
import { subjectOf, subjectTags } from "./notice-subject.ts";
import { listedSeriesMax, noticeLines, noticeText } from "./notice-text.ts";

export interface NoticeOfficeParts {
  readonly home: SiteHome;
  readonly index: Pick<InstanceIndex, "search" | "metadataOf">;
  readonly staging: Staging;
  readonly folder: string;
  readonly clock: Clock;
  readonly version: string;
}

interface OpenKey {
  readonly device: SealingDevice & { readonly type: "notice" };
  readonly nextCounter: () => number;
  readonly since: number;
}

/** A key that was replaced or revoked is noticed after this. */
const keyMsMax = 600_000;
/** Of the key of the facts. */
const formatVersion = 2;

export class NoticeOffice implements Notices {
  readonly #parts: NoticeOfficeParts;
  readonly #shelf: NoticeShelf;
  readonly #codecs = new CodecPool();
  /** By their facts: two readers who ask at once share one. */
  readonly #making = new Map<string, Promise<Bytes>>();
  #key: Promise<OpenKey> | undefined;

  /** @throws ScansealError `io`, `key-unusable` of the folder */
  constructor(parts: NoticeOfficeParts) {
    this.#parts = parts;
    this.#shelf = new NoticeShelf(parts.folder);
  }

  async subjectOf({ staged }: VerifiedObject): Promise<JsonDataSet> {
    return withExtents(staged.extents, async (source) => {
      const { elements } = await readDicom(source, { tolerate: tolerableCodes });
      const wanted = new Set([...subjectTags, tags.specificCharacterSet]);
      const known = elements.filter(({ tag }) => wanted.has(tag));
      const options = { decoding: nodeTextDecoding, inlineBytesMax: 0, bulkUri: () => undefined };
      return subjectOf(toJsonDataSet(known, options));
    });
  }

  async make(request: NoticeRequest): Promise<GateNotice> {
    const { studyInstanceUid, transferSyntaxUid } = request;
    const { staging } = this.#parts;
    const bytes = await this.#noticeOf(request);
    const { elements } = await readDicom(new MemorySource(bytes));
    return {
      studyInstanceUid,
      seriesInstanceUid: noticeSeriesUid(studyInstanceUid, nodeCrypto),
      sopInstanceUid: plainTextOf(elements, tags.sopInstanceUid) ?? "",
      sopClassUid: secondaryCaptureClass,
      transferSyntaxUid,
      staged: await staging.stage(once(bytes)),
    };
  }

  /** An instance that a viewer has already, where nothing of what it says is new today. */
  async #noticeOf(request: NoticeRequest): Promise<Bytes> {
    const { studyInstanceUid, transferSyntaxUid, reader, total, isArchiveUnlisted } = request;
    const at = new Date(this.#parts.clock.now());
    const { device, nextCounter } = await this.#opened();
    const subject = await this.#subjectOf(request);
    const withheld = await this.#numbered(studyInstanceUid, request.withheld);
    const unproven = await this.#numbered(studyInstanceUid, request.unproven);
    const facts = { withheld, unproven, total, reader, isArchiveUnlisted, sentenceOf: messageOf };
    const day = at.toISOString().slice(0, 10);
    const said = [
      ...[formatVersion, this.#parts.version, toHex(device.signer.certificate), transferSyntaxUid],
      ...[studyInstanceUid, subject, noticeText({ ...facts, at: new Date(day) })],
    ];
    const key = toHex(nodeCrypto.hash("SHA-256", utf8(JSON.stringify(said))));
    const kept = this.#making.get(key) ?? (await this.#shelf.find(key));
    if (kept) return kept;
    const made =
      this.#making.get(key) ??
      this.#sealed(noticeText({ ...facts, at }), { ...request, subject }, at, device, nextCounter).then(
        async (bytes) => {
          await this.#shelf.keep(key, bytes);
          return bytes;
        },
      );
    this.#making.set(key, made);
    return made.finally(() => this.#making.delete(key));
  }

  async #sealed(
    text: ReturnType<typeof noticeText>,
    { studyInstanceUid, transferSyntaxUid, subject }: NoticeRequest & { readonly subject: JsonDataSet },
    at: Date,
    device: OpenKey["device"],
    nextCounter: () => number,
  ): Promise<Bytes> {
    const { version, clock } = this.#parts;
    const file = noticeFile(
      {
        studyInstanceUid,
        seriesInstanceUid: noticeSeriesUid(studyInstanceUid, nodeCrypto),
        sopInstanceUid: newNoticeUid(nodeRandom),
        ...{ at, subject, softwareVersion: version },
        lines: noticeLines(text),
        picture: noticePicture(text),
      },
      transferSyntaxUid,
    );
    const ports = { crypto: nodeCrypto, random: nodeRandom, clock, decoder: this.#codecs };
    return sealedNotice(file, device, { ...ports, softwareVersion: version }, nextCounter);
  }

  /** As the index has it; else as what was given says. */
  async #subjectOf({ studyInstanceUid, subject }: NoticeRequest): Promise<JsonDataSet> {
    const keys = [
      { path: [tags.studyInstanceUid], match: { kind: "uids", values: [studyInstanceUid] } } as const,
      ...subjectTags.map((tag) => ({ path: [tag], match: { kind: "universal" } }) as const),
    ];
    const query = { root: "study", level: "STUDY", keys, isEverythingAsked: false } as const;
    for await (const match of this.#parts.index.search({ ...query, offset: 0, limit: 1 }))
      return subjectOf(match);
    return subjectOf(subject ?? {});
  }

  /** Series numbers of the series that are listed, by any instance of theirs that was verified. */
  async #numbered<T extends Pick<NotGiven, "instance">>(
    studyInstanceUid: string,
    instances: readonly T[],
  ): Promise<readonly (T & { readonly seriesNumber: number | undefined })[]> {
    const series = [...new Set(instances.map(({ instance }) => instance.seriesInstanceUid))];
    const numbers = new Map<string, number>();
    for (const seriesInstanceUid of series.slice(0, listedSeriesMax))
      for await (const known of this.#parts.index.metadataOf({ studyInstanceUid, seriesInstanceUid })) {
        const number = Number(known["00200011"]?.Value?.[0] ?? Number.NaN);
        if (Number.isSafeInteger(number)) numbers.set(seriesInstanceUid, number);
        break;
      }
    return instances.map((one) => ({ ...one, seriesNumber: numbers.get(one.instance.seriesInstanceUid) }));
  }

  #opened(): Promise<OpenKey> {
    const now = this.#parts.clock.now();
    const opened = this.#key?.then((key) =>
      Math.abs(now - key.since) > keyMsMax ? openKey(this.#parts.home, now) : key,
    );
    const key = opened ?? openKey(this.#parts.home, now);
    this.#key = key;
    // Tried again by the next one.
    key.catch(() => {
      if (this.#key === key) this.#key = undefined;
    });
    return key;
  }

  close(): Promise<void> {
    return this.#codecs.close();
  }
}

/** @throws ScansealError `key-unusable`, `counter-conflict`, `io` */
async function openKey(home: SiteHome, since: number): Promise<OpenKey> {
  const signer = await openOffice(home, "notice");
  const folder = home.officeFolder("notice");
  const { keyEpoch, name } = deviceStatus(folder);
  const counter = openDeviceCounter(folder);
  return {
    device: { name, type: "notice", signer, keyEpoch: String(keyEpoch) },
    nextCounter: () => counter.reserve().first,
    since,
  };
}

/** The codes are those of findings. */
function messageOf(code: string): string {
  return sentenceOf(code as FindingCode).message;
}

async function* once(bytes: Bytes): AsyncGenerator<Bytes> {
  yield bytes;
}
