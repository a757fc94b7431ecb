/** C-FIND between our client and our provider: order, cancels, refusals, slow ends. */
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type ArchivedObject, MemoryArchive } from "../../../test/dicom-network/memory-archive.ts";
import {
  closeEnds,
  explicit,
  fourObjects,
  open,
  serve,
  verification,
} from "../../../test/dicom-network/query-retrieve-ends.ts";
import { RecordingProvider } from "../../../test/dicom-network/recording-provider.ts";
import { plainTextOf } from "../../dicom/elements.ts";
import { textElement } from "../../dicom/encode.ts";
import type { DicomObject } from "../../dicom/model.ts";
import { tags } from "../../dicom/tags.ts";
import { encodeIdentifier } from "../query/identifier.ts";
import type { Query, QueryKey } from "../query/query.ts";
import type { AssociationEnd } from "./association.ts";
import { type DimseProvider, DimseRefusal, type FindAnswer } from "./service.ts";
import { upperLayerTimers } from "./upper-layer/upper-layer-defaults.ts";

let objects: readonly ArchivedObject[];
let archive: MemoryArchive;

beforeAll(async () => {
  objects = await fourObjects();
});
beforeEach(() => {
  archive = new MemoryArchive(objects);
});
afterEach(closeEnds);

function query(level: Query["level"], keys: readonly QueryKey[]): Query {
  return { root: "study", level, keys, isEverythingAsked: false, offset: 0, limit: undefined };
}

const universal = (tag: number): QueryKey => ({ path: [tag], match: { kind: "universal" } });
const everyStudy = query("STUDY", [universal(tags.studyInstanceUid)]);
const study = (): string => objects[0]!.textOf(tags.studyInstanceUid);
const uids = (): string[] => objects.map(({ sopInstanceUid }) => sopInstanceUid);
async function all(matches: AsyncIterable<DicomObject>): Promise<DicomObject[]> {
  const found: DicomObject[] = [];
  for await (const match of matches) found.push(match);
  return found;
}

/** A provider whose answers to any query are these. */
function answering(find: NonNullable<DimseProvider["find"]>): DimseProvider {
  const other = new MemoryArchive(objects);
  return { admit: (request) => other.admit(request), store: () => other.store(), find };
}

const answer = (uid: string, filler = ""): FindAnswer => ({
  dataSet: encodeIdentifier(
    [textElement(tags.studyInstanceUid, "UI", uid), textElement(0x00081030, "LO", filler)],
    explicit,
  ),
});

describe("C-FIND", () => {
  it("gives matches in order, and the query arrives as it was asked", async () => {
    const client = await open(await serve(archive));
    const asked = query("IMAGE", [
      universal(tags.sopInstanceUid),
      { path: [tags.studyInstanceUid], match: { kind: "single", value: study() } },
      {
        path: [tags.seriesInstanceUid],
        match: { kind: "single", value: objects[0]!.textOf(tags.seriesInstanceUid) },
      },
    ]);
    const found = await all(client.find(asked));
    expect(found.map(({ elements }) => plainTextOf(elements, tags.sopInstanceUid))).toEqual(uids());
    expect(archive.queries).toEqual([asked]);
    expect((await client.echo()).code).toBe(0);
  });

  it("whose matches are not taken any more is cancelled, and the association goes on", async () => {
    const ended = Promise.withResolvers<boolean>();
    const client = await open(
      await serve(
        answering(async function* ({ signal }) {
          try {
            for (let i = 1; ; i++) yield answer(`1.2.${i}`);
          } finally {
            ended.resolve(signal.aborted);
          }
        }),
      ),
    );
    let count = 0;
    for await (const match of client.find(everyStudy)) {
      expect(plainTextOf(match.elements, tags.studyInstanceUid)).toBe(`1.2.${++count}`);
      if (count === 10) break;
    }
    expect(await ended.promise).toBe(true);
    expect((await client.echo()).code).toBe(0);
  });

  it("is cancelled while the provider is at work, which need not hear of it", async () => {
    const client = await open(
      await serve(
        answering(async function* () {
          yield answer("1.2.3");
          await new Promise(() => undefined);
        }),
      ),
    );
    for await (const _ of client.find(everyStudy)) break;
    expect((await client.echo()).code).toBe(0);
  });

  it("with 100,000 answers and a slow reader holds few of them", async () => {
    let made = 0;
    let taken = 0;
    let most = 0;
    const client = await open(
      await serve(
        answering(async function* () {
          for (; made < 100_000; made++) {
            most = Math.max(most, made - taken);
            yield answer("1.2.3", "x".repeat(1_000));
          }
        }),
      ),
    );
    for await (const _ of client.find(everyStudy)) if (++taken % 100 === 0) await turn();
    expect(taken).toBe(100_000);
    // Sockets of both ends, and 64 in the queue: some megabytes of a hundred.
    expect(most).toBeLessThan(10_000);
  }, 120_000);

  it("whose answers nobody reads is ended, and the provider told", async () => {
    const told = Promise.withResolvers<boolean>();
    const ends = Promise.withResolvers<AssociationEnd>();
    const provider = answering(async function* ({ signal }) {
      try {
        for (;;) yield answer("1.2.3", "x".repeat(10_000));
      } finally {
        told.resolve(signal.aborted);
      }
    });
    provider.ended = (_, __, end) => ends.resolve(end);
    const client = await open(
      await serve(provider, { timers: { ...upperLayerTimers, sendStallMs: 100, artimMs: 200 } }),
    );
    const matches = client.find(everyStudy);
    await matches.next();
    expect(await ends.promise).toMatchObject({
      kind: "aborted",
      by: "us",
      why: expect.stringMatching(/took nothing/),
    });
    expect(await told.promise).toBe(true);
  });

  it.each<[string, () => never, RegExp]>([
    [
      "a refusal",
      () => {
        throw new DimseRefusal({ code: 0xa700 });
      },
      /A700/,
    ],
    [
      "an exception",
      () => {
        throw new Error("PATIENT^NAME");
      },
      /C001/,
    ],
  ])("ends with %s of the provider, after what it gave", async (_, fail, status) => {
    const client = await open(
      await serve(
        answering(async function* () {
          yield answer("1.2.3");
          fail();
        }),
      ),
    );
    const matches = client.find(everyStudy);
    expect((await matches.next()).done).toBe(false);
    const end = matches.next();
    await expect(end).rejects.toMatchObject({
      code: "peer-rejected",
      message: expect.stringMatching(status),
    });
    await expect(end).rejects.not.toMatchObject({ message: expect.stringContaining("PATIENT") });
    expect((await client.echo()).code).toBe(0);
  });

  it("with an identifier of more than 64 KiB is refused", async () => {
    const client = await open(await serve(archive));
    const long = (bytes: number): Query =>
      query("STUDY", [
        { path: [0x00102110], match: { kind: "single", value: "a".repeat(32_000) } },
        { path: [0x001021b0], match: { kind: "single", value: "a".repeat(bytes) } },
      ]);
    // Level and headers take 8 + 6, 8 and 8 bytes.
    const filled = 65_536 - 32_000 - 30;
    await expect(all(client.find(long(filled + 2)))).rejects.toMatchObject({
      message: expect.stringContaining("A900"),
    });
    expect(archive.queries).toEqual([]);
    expect(await all(client.find(long(filled)))).toEqual([]);
    expect(archive.queries).toHaveLength(1);
  });

  it("has time while the provider works, though idle peers are sent away", async () => {
    const timers = { ...upperLayerTimers, idleMs: 60 };
    const turns = async (): Promise<void> => {
      const start = performance.now();
      while (performance.now() - start < 300) await turn();
    };
    const port = await serve(
      answering(async function* () {
        await turns();
        yield answer("1.2.3");
      }),
      { timers },
    );
    const client = await open(port);
    expect(await all(client.find(everyStudy))).toHaveLength(1);
    expect(await client.ended).toMatchObject({ kind: "aborted", by: "peer" });
  });

  it("of a provider that takes too long is ended, and the provider told", async () => {
    const told = Promise.withResolvers<void>();
    const provider = answering(async function* ({ signal }) {
      signal.addEventListener("abort", () => told.resolve());
      yield answer("1.2.3");
      await new Promise(() => undefined);
    });
    const client = await open(await serve(provider, { stepMs: 50 }));
    await expect(all(client.find(everyStudy))).rejects.toMatchObject({
      message: expect.stringContaining("C001"),
    });
    await told.promise;
    expect((await client.echo()).code).toBe(0);
  });

  it("is not there for who has no context for it, nor where the provider has no handler", async () => {
    const port = await serve(archive);
    const contexts = [{ id: 1, abstractSyntax: verification, transferSyntaxes: [explicit] }];
    const narrow = await open(port, { contexts, roles: [] });
    await expect(all(narrow.find(everyStudy))).rejects.toMatchObject({ code: "peer-rejected" });
    expect((await narrow.echo()).code).toBe(0);
    const without = await open(await serve(new RecordingProvider()), { roles: [] });
    await expect(all(without.find(everyStudy))).rejects.toMatchObject({
      message: expect.stringContaining("0211"),
    });
  });
});
