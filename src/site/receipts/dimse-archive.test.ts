/** An archive over DIMSE, honest and otherwise: a provider in this process answers what each test says. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type ArchivedObject, MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import { closeEnds, explicit, fourObjects, serve } from "../../../test/dicom-network/query-retrieve-ends.ts";
import { textElement } from "../../dicom/encode.ts";
import { readDicom } from "../../dicom/read.ts";
import { type Tag, tags } from "../../dicom/tags.ts";
import { type DimseProvider, DimseRefusal } from "../../dicom-network/dimse/service.ts";
import { encodeIdentifier } from "../../dicom-network/query/identifier.ts";
import type { Bytes } from "../../foundation/bytes.ts";
import { DimseArchive, type DimseArchiveOptions } from "./dimse-archive.ts";

const staging = mkdtempSync(join(tmpdir(), "scanseal-dimse-archive-"));
let objects: ArchivedObject[];
const archives: DimseArchive[] = [];

beforeAll(async () => {
  objects = await fourObjects();
});
afterEach(async () => {
  for (const archive of archives.splice(0)) await archive.close();
  await closeEnds();
});
afterAll(() => rmSync(staging, { recursive: true, force: true }));

async function archiveOf(
  provider: DimseProvider,
  limits?: DimseArchiveOptions["limits"],
): Promise<DimseArchive> {
  const target = {
    host: "127.0.0.1",
    port: await serve(provider),
    callingAeTitle: "US",
    calledAeTitle: "PACS",
  };
  const archive = new DimseArchive({ target, staging, limits });
  archives.push(archive);
  return archive;
}

/** What a walk gets: data sets, and errors in their place. */
async function walked(archive: DimseArchive): Promise<(Bytes | string)[]> {
  const got: (Bytes | string)[] = [];
  for (const study of await archive.studies())
    for await (const item of archive.instances(study)) {
      const one = await item
        .withBytes(async (source) => {
          const { metaEnd } = await readDicom(source);
          return new Uint8Array(await source.read(metaEnd, source.size - metaEnd));
        })
        .catch((error: { code: string }) => error.code);
      got.push(one ?? "nothing");
    }
  return got;
}

function expectAll(got: readonly (Bytes | string)[]): void {
  expect(got.map((one) => (typeof one === "string" ? one : Buffer.from(one).toString("base64")))).toEqual(
    objects.map(({ dataSet }) => Buffer.from(dataSet).toString("base64")),
  );
}

/** An archive whose answers to queries have these instead. */
class Changed extends MemoryArchive {
  readonly #change: ReadonlyMap<Tag, string | undefined>;

  constructor(change: readonly (readonly [Tag, string | undefined])[]) {
    super(objects);
    this.#change = new Map(change);
  }

  override async *find(request: Parameters<MemoryArchive["find"]>[0]) {
    for (const object of this.objects) {
      const keys = request.query.keys.flatMap(({ path: [tag] }) => {
        const value = this.#change.has(tag!) ? this.#change.get(tag!) : object.textOf(tag!);
        return value === undefined ? [] : [textElement(tag!, "UI", value)];
      });
      yield { dataSet: encodeIdentifier(keys, explicit) };
    }
  }
}

describe("an archive", () => {
  it("is walked study by study, and gives its objects byte for byte", async () => {
    expectAll(await walked(await archiveOf(new MemoryArchive(objects))));
  });

  it("that lists without end, or never, is given up, where there are limits", async () => {
    const study = objects[0]!.textOf(tags.studyInstanceUid)!;
    const few = await archiveOf(new MemoryArchive(objects), { matchesMax: 1, ms: 60_000 });
    await expect(few.list(study)).rejects.toMatchObject({ code: "peer-protocol" });
    const silent = new MemoryArchive(objects);
    silent.find = async function* () {
      await new Promise(() => undefined);
      yield* [];
    };
    const archive = await archiveOf(silent, { matchesMax: 100, ms: 100 });
    await expect(archive.list(study)).rejects.toMatchObject({ code: "timeout" });
    const found = archive.find({
      root: "study",
      level: "STUDY",
      keys: [],
      isEverythingAsked: false,
      offset: 0,
      limit: undefined,
    });
    await expect(found.next()).rejects.toMatchObject({ code: "timeout" });
  });

  it("that does not tell the classes is walked too", async () => {
    expectAll(await walked(await archiveOf(new Changed([[tags.sopClassUid, undefined]]))));
  });

  it("that has lost an instance gives the others", async () => {
    const provider = new MemoryArchive(objects);
    provider.missing.add(objects[1]!.sopInstanceUid);
    const got = await walked(await archiveOf(provider));
    expect(got.map((one) => typeof one === "string" && one)).toEqual([false, "peer-rejected", false, false]);
  });

  it("that gives another instance than it was asked for gives nothing", async () => {
    const provider = new MemoryArchive(objects);
    const [first] = objects;
    provider.get = async () => ({
      total: () => 1,
      steps: (async function* () {
        yield {
          ...first!,
          sopInstanceUid: "1.2.3.4",
          dataSet: async function* () {
            yield first!.dataSet;
          },
        };
      })(),
    });
    expect(await walked(await archiveOf(provider))).toEqual(objects.map(() => "peer-rejected"));
  });

  it("that breaks off an object gives the next one", async () => {
    const provider = new MemoryArchive(objects);
    const { get } = provider;
    let count = 0;
    provider.get = async (request) => {
      const retrieval = await get.call(provider, request);
      if (++count !== 2) return retrieval;
      const broken = async function* (): AsyncGenerator<Bytes> {
        yield objects[1]!.dataSet.subarray(0, 1_000);
        throw new Error("disk");
      };
      const steps = (async function* () {
        yield { ...objects[1]!, dataSet: broken };
      })();
      return { ...retrieval, steps };
    };
    const got = await walked(await archiveOf(provider));
    expect(got.map((one) => typeof one === "string" && one)).toEqual([false, "peer-aborted", false, false]);
  });

  it.each<[string, readonly (readonly [Tag, string | undefined])[]]>([
    ["a UID that is a path", [[tags.studyInstanceUid, "../../etc"]]],
    ["no UID", [[tags.studyInstanceUid, undefined]]],
    ["a class that is none", [[tags.sopClassUid, "CT"]]],
  ])("that answers with %s is not walked", async (_, change) => {
    const archive = await archiveOf(new Changed(change));
    await expect(walked(archive)).rejects.toMatchObject({ code: "peer-protocol" });
  });

  it("that does not speak C-FIND or C-GET is told at once", async () => {
    const provider = new MemoryArchive(objects);
    const { admit } = provider;
    for (const refused of ["1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.3"]) {
      provider.admit = (request) => {
        const answer = admit.call(provider, request);
        if ("reject" in answer) return answer;
        const accept: typeof answer.accept = (uid, offered) =>
          uid === refused ? { refuse: 3 } : answer.accept(uid, offered);
        return { ...answer, accept };
      };
      const archive = await archiveOf(provider);
      await expect(archive.studies()).rejects.toMatchObject({
        code: "peer-rejected",
        message: expect.stringMatching(/^the archive does not .*: name its DICOMweb root/),
      });
    }
  });

  it("that repeats one study for ever is left", async () => {
    const provider = new MemoryArchive(objects);
    provider.find = async function* () {
      const dataSet = encodeIdentifier([textElement(tags.studyInstanceUid, "UI", "1.2.3")], explicit);
      for (;;) yield { dataSet };
    };
    const archive = await archiveOf(provider);
    await expect(archive.studies(500)).rejects.toMatchObject({ code: "peer-protocol" });
  });

  it("that refuses every C-GET is asked for one object only", async () => {
    const provider = new MemoryArchive(objects);
    let asked = 0;
    provider.get = async () => {
      asked++;
      throw new DimseRefusal({ code: 0x0124 });
    };
    await expect(walked(await archiveOf(provider))).rejects.toMatchObject({ code: "peer-rejected" });
    expect(asked).toBe(1);
  });
});
