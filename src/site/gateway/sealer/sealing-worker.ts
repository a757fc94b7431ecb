/** The thread that seals for one modality: a question in, a file with the sealed object out. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { readDicom } from "../../../dicom/read.ts";
import { writeObject } from "../../../dicom/splice.ts";
import { type ByteSource, readChunks } from "../../../foundation/byte-source.ts";
import { ScansealError } from "../../../foundation/errors.ts";
import { deviceStatus } from "../../../keys/custody/device-keys.ts";
import { systemClock } from "../../../platform/node/crypto.ts";
import type { SealerEvidence } from "../../../zero-trust/evidence/sealer-evidence.ts";
import type { WorklistSettings } from "../../../zero-trust/gateway/settings.ts";
import { type DeviceSealing, openDeviceSealing } from "../../device-sealing.ts";
import { openHome } from "../../home.ts";
import { type SealingRun, sealSource } from "../../sealing-run.ts";
import { withExtents } from "../spooled-object.ts";
import { unlikeEquipment } from "./equipment-check.ts";
import { Schedule } from "./schedule.ts";
import type { SealingAnswer, SealingQuestion } from "./sealing-messages.ts";
import { orderIn, WorklistFolder } from "./worklist-folder.ts";
import { WorklistServer } from "./worklist-server.ts";

/** A key or a choice of marking that was changed by hand is noticed after this. */
const openedMsMax = 600_000;

interface OpenSealing {
  readonly sealing: DeviceSealing;
  readonly serialNumber: string;
  readonly key: string;
  readonly since: number;
}

let opened: OpenSealing | undefined;
let schedule: { readonly of: string; readonly schedule: Schedule } | undefined;

/** @throws ScansealError `usage`, `key-unusable`, `counter-conflict`, `io` */
async function openedFor({ home, version, settings, trustVersion }: SealingQuestion): Promise<OpenSealing> {
  const key = JSON.stringify([home, settings.device, trustVersion]);
  const now = systemClock.now();
  if (opened && opened.key === key && Math.abs(now - opened.since) < openedMsMax) return opened;
  await closeOpened();
  const site = openHome(home);
  const sealing = await openDeviceSealing(site, settings.device, { softwareVersion: version });
  const { serialNumber } = deviceStatus(site.deviceFolder(settings.device));
  opened = { sealing, serialNumber, key, since: now };
  if (sealing.device.type !== "beside-device")
    throw new ScansealError(
      "key-unusable",
      "this device is enrolled as a modality itself: what a sealer beside it seals needs a device of the role beside-device",
    );
  return opened;
}

async function closeOpened(): Promise<void> {
  const before = opened;
  opened = undefined;
  await before?.sealing.close();
}

function scheduleOf(worklist: WorklistSettings): Schedule {
  const of = JSON.stringify(worklist);
  if (schedule?.of !== of) {
    const asked =
      "folder" in worklist
        ? new WorklistFolder(worklist.folder)
        : new WorklistServer(worklist.server, systemClock);
    schedule = { of, schedule: new Schedule((order) => asked.has(order)) };
  }
  return schedule.schedule;
}

async function sealed(question: SealingQuestion): Promise<SealingAnswer> {
  const { object, settings } = question;
  return withExtents(object.extents, async (source) => {
    const { sealing, serialNumber } = await openedFor(question);
    await requireExamined(source, question);
    const read = await readDicom(source, { tolerate: new Set(object.tolerate) });
    const unlike = unlikeEquipment(read, serialNumber, settings.equipment);
    if (unlike.length > 0) return not("other-device", "it is not what the modality's images have", unlike);
    if (settings.worklist) {
      const order = orderIn(read.elements);
      if (!order) return not("not-scheduled", "it has no Patient ID, or no Accession Number");
      const isScheduled = await asked(scheduleOf(settings.worklist), order);
      if (typeof isScheduled !== "boolean") return isScheduled;
      if (!isScheduled) return not("not-scheduled", "no item of the worklist has its patient and order");
    }
    return sealInto(source, question, sealing);
  });
}

async function asked(
  from: Schedule,
  order: Parameters<Schedule["has"]>[0],
): Promise<boolean | SealingAnswer> {
  try {
    return await from.has(order, systemClock.now());
  } catch (error) {
    return not("worklist-away", wordsOf(error));
  }
}

/** @throws ScansealError `io` when the bytes are not those that were acknowledged and examined */
async function requireExamined(source: ByteSource, { object }: SealingQuestion): Promise<void> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(source, 0, source.size)) hash.update(chunk);
  if (hash.digest("hex") !== object.digest)
    throw new ScansealError("io", "the bytes that were kept are not those that were acknowledged");
}

async function sealInto(
  source: ByteSource,
  { path, object }: SealingQuestion,
  { device, counter, ports, seals, provenance }: DeviceSealing,
): Promise<SealingAnswer> {
  const made = { bytes: 0, digest: "" };
  const output: SealingRun["output"] = {
    requireFree: async () => undefined,
    write: async (_, whole, edits) => {
      const file = await open(path, "wx", 0o600);
      const hash = createHash("sha256");
      try {
        await writeObject(whole, edits, async (bytes) => {
          hash.update(bytes);
          for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
          made.bytes += bytes.length;
        });
      } finally {
        await file.close();
      }
      made.digest = hash.digest("hex");
      return { path, existed: false };
    },
  };
  const nextCounter = (): number => counter.reserve(1).first;
  const { tolerate } = object;
  await sealSource(source, { device, nextCounter, ports, seals, provenance, output, tolerate });
  return { kind: "sealed", ...made };
}

function not(problem: SealerEvidence["problem"], detail: string, tags?: readonly string[]): SealingAnswer {
  return { kind: "not-sealed", sealer: tags ? { problem, detail, tags } : { problem, detail } };
}

/** What another error says may quote the object. */
function wordsOf(error: unknown): string {
  if (error instanceof ScansealError) return `${error.message} (${error.code})`;
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  return `it failed (${code ?? (error instanceof Error ? error.name : "unknown")})`;
}

async function answerTo(question: SealingQuestion): Promise<SealingAnswer> {
  try {
    return await sealed(question);
  } catch (error) {
    // Whatever it was, the next object finds the device as it is then.
    await closeOpened().catch(() => undefined);
    const isSealed = error instanceof ScansealError && error.code === "already-sealed";
    return not(isSealed ? "sealed-already" : "failed", wordsOf(error));
  }
}

if (process.platform === "linux") setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
parentPort!.on("message", (question: SealingQuestion) => {
  void answerTo(question).then((answer) => parentPort!.postMessage(answer));
});
