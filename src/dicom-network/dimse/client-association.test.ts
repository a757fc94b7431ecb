/** Queries, retrievals and commitment of our client at servers that answer otherwise than a good one does. */
import { afterEach, describe, expect, it } from "vitest";
import { closePlayed, type PlayedServer, playedServer } from "../../../test/dicom-network/played-server.ts";
import { textElement } from "../../dicom/encode.ts";
import { tags } from "../../dicom/tags.ts";
import { encodeIdentifier } from "../query/identifier.ts";
import type { Query } from "../query/query.ts";
import type { RetrieveIdentifier } from "../query/retrieve-identifier.ts";
import type { DimseClient } from "./client.ts";
import type { CommandSet } from "./command-set.ts";
import { queryRetrieveClassUid, storageCommitmentClass, storageCommitmentInstance } from "./sop-classes.ts";
import { type CommitmentReport, encodeCommitmentReport } from "./storage-commitment.ts";

const explicit = "1.2.840.10008.1.2.1";
const ct = "1.2.840.10008.5.1.4.1.1.2";
const findClass = queryRetrieveClassUid("study", "find");
const getClass = queryRetrieveClassUid("study", "get");
const everyStudy: Query = {
  root: "study",
  level: "STUDY",
  keys: [{ path: [tags.studyInstanceUid], match: { kind: "universal" } }],
  isEverythingAsked: false,
  offset: 0,
  limit: undefined,
};
const aStudy: RetrieveIdentifier = {
  root: "study",
  level: "STUDY",
  studyUids: ["1.2.3"],
  seriesUids: [],
  instanceUids: [],
};
const match = encodeIdentifier([textElement(tags.studyInstanceUid, "UI", "1.2.3")], explicit);

afterEach(closePlayed);

type Play = (command: CommandSet, server: PlayedServer) => Promise<void> | void;

function against(abstractSyntax: string, play: Play): Promise<DimseClient> {
  return playedServer({ contexts: [{ id: 1, abstractSyntax, transferSyntaxes: [explicit] }] }, play);
}

const responseTo = ({ field, messageId }: CommandSet, status: number, hasDataSet = false): CommandSet => ({
  field: field | 0x8000,
  hasDataSet,
  respondedTo: messageId,
  status,
});

async function all(matches: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const one of matches) found.push(one);
  return found;
}

describe("C-FIND at a server", () => {
  it.each<[string, Play]>([
    ["with a match that has no identifier", (command, server) => server.send(responseTo(command, 0xff00))],
    [
      "with a match that is no data set",
      (command, server) => server.send(responseTo(command, 0xff00, true), Uint8Array.of(1, 2, 3)),
    ],
    [
      "with a match of more than 1 MiB",
      (command, server) => server.send(responseTo(command, 0xff00, true), new Uint8Array((1 << 20) + 2)),
    ],
    [
      "with a match of another message",
      (command, server) => server.send({ ...responseTo(command, 0xff00, true), respondedTo: 99 }, match),
    ],
    [
      "with a response of C-GET",
      (command, server) => server.send({ ...responseTo(command, 0), field: 0x8010 }),
    ],
    [
      "that stores something",
      (_, server) =>
        server.send(
          { field: 1, hasDataSet: true, messageId: 1, sopClassUid: ct, sopInstanceUid: "1.2" },
          match,
        ),
    ],
    [
      "with a command inside of a match",
      async (command, server) => {
        await server.send(responseTo(command, 0xff00, true));
        await server.send(responseTo(command, 0));
      },
    ],
    [
      "with a match after the end",
      async (command, server) => {
        await server.send(responseTo(command, 0xff00, true), match);
        await server.send({ ...responseTo(command, 0), errorComment: "x" });
        await server.send(responseTo(command, 0xff00, true), match);
      },
    ],
  ])("%s ends in our error", async (name, play) => {
    let asked = 0;
    const client = await against(findClass, (command, server) => {
      if (command.field === 0x20 && asked++ === 0) return play(command, server);
      // A cancel is obeyed.
      if (command.field === 0xfff)
        return server.send({
          field: 0x8020,
          hasDataSet: false,
          respondedTo: command.respondedTo,
          status: 0xfe00,
        });
    });
    if (name.includes("stores")) {
      // Refused: nothing was asked to come. The query itself goes on.
      const matches = client.find(everyStudy);
      const next = matches.next();
      client.abort("seen enough");
      await expect(next).rejects.toMatchObject({ code: "network" });
      return;
    }
    if (name.includes("after the end")) {
      await all(client.find(everyStudy));
      expect(await client.ended).toMatchObject({ kind: "aborted", by: "us" });
      return;
    }
    await expect(all(client.find(everyStudy))).rejects.toMatchObject({ code: "peer-protocol" });
  });

  it("that sends for ever though it was told to stop is left", async () => {
    const client = await against(findClass, async (command, server) => {
      if (command.field !== 0x20) return;
      for (;;) await server.send(responseTo(command, 0xff00, true), match);
    });
    const taking = async (): Promise<void> => {
      for await (const _ of client.find(everyStudy)) break;
    };
    await taking();
    expect(await client.ended).toMatchObject({ kind: "aborted", by: "us" });
  }, 60_000);

  it("that goes in the middle is told after what it gave", async () => {
    const client = await against(findClass, async (command, server) => {
      await server.send(responseTo(command, 0xff00, true), match);
      server.association.abort("busy");
    });
    const matches = client.find(everyStudy);
    await matches.next();
    await expect(matches.next()).rejects.toMatchObject({ code: "peer-aborted" });
  });
});

describe("C-GET at a server", () => {
  it("takes the list of what failed, also where it is none", async () => {
    const list = encodeIdentifier([textElement(0x00080058, "UI", "1.2\\1.3")], explicit);
    const answers = [list, Uint8Array.of(1, 2, 3), undefined];
    const results: unknown[] = [];
    for (const answer of answers) {
      const client = await against(getClass, (command, server) =>
        server.send(
          { ...responseTo(command, 0xb000, answer !== undefined), failed: 2, completed: 1 },
          answer,
        ),
      );
      results.push(await client.get(aStudy, () => ({ code: 0 })));
      await client.release();
    }
    expect(results).toMatchObject([{ failedUids: ["1.2", "1.3"] }, { failedUids: [] }, { failedUids: [] }]);
  });

  it("that stores in a context in which it is not to is refused", async () => {
    const statuses: (number | undefined)[] = [];
    const client = await against(getClass, async (command, server) => {
      if (command.field === 0x8001) {
        statuses.push(command.status);
        await server.send({ field: 0x8010, hasDataSet: false, respondedTo: 1, status: 0xa702 });
      } else {
        const stored = {
          field: 1,
          hasDataSet: true,
          messageId: 1,
          sopClassUid: getClass,
          sopInstanceUid: "1.2",
        };
        await server.send(stored, match);
      }
    });
    const receive = (): never => {
      throw new Error("it must not be asked");
    };
    expect((await client.get(aStudy, receive)).status.code).toBe(0xa702);
    expect(statuses).toEqual([0x0211]);
  });
});

const reported: CommitmentReport = {
  transactionUid: "2.25.1",
  committed: [{ sopClassUid: ct, sopInstanceUid: "1.2.3" }],
  failed: [{ sopClassUid: ct, sopInstanceUid: "1.2.4", reason: 0x0112 }],
};
const event: CommandSet = {
  field: 0x0100,
  hasDataSet: true,
  messageId: 9,
  sopClassUid: storageCommitmentClass,
  sopInstanceUid: storageCommitmentInstance,
  eventTypeId: 2,
};

describe("storage commitment", () => {
  it("is reported on the same association, while it is open", async () => {
    const answered = Promise.withResolvers<CommandSet>();
    const reports: CommitmentReport[] = [];
    const contexts = [{ id: 1, abstractSyntax: storageCommitmentClass, transferSyntaxes: [explicit] }];
    const report = (one: CommitmentReport) => {
      reports.push(one);
      return { code: 0 };
    };
    const client = await playedServer({ contexts, report }, async (command, server) => {
      if (command.field === 0x0130) {
        expect(command).toMatchObject({
          actionTypeId: 1,
          requestedSopInstanceUid: storageCommitmentInstance,
        });
        await server.send({ ...responseTo(command, 0), actionTypeId: 1 });
        await server.send(event, encodeCommitmentReport(reported, explicit));
      } else answered.resolve(command);
    });
    const request = { transactionUid: "2.25.1", instances: [...reported.committed] };
    expect((await client.requestCommitment(request)).code).toBe(0);
    expect(await answered.promise).toMatchObject({
      field: 0x8100,
      respondedTo: 9,
      status: 0,
      eventTypeId: 2,
    });
    expect(reports).toEqual([reported]);
    await client.release();
  });

  it("of a client that waits for no report is refused it", async () => {
    const answered = Promise.withResolvers<CommandSet>();
    const client = await against(storageCommitmentClass, async (command, server) => {
      if (command.field !== 0x0130) return answered.resolve(command);
      await server.send(event, encodeCommitmentReport(reported, explicit));
      await server.send(responseTo(command, 0x0131));
    });
    const request = { transactionUid: "2.25.1", instances: [...reported.committed] };
    expect((await client.requestCommitment(request)).code).toBe(0x0131);
    expect(await answered.promise).toMatchObject({ field: 0x8100, status: 0x0211 });
    await expect(client.reportCommitment(reported)).rejects.toMatchObject({ code: "peer-rejected" });
  });
});
