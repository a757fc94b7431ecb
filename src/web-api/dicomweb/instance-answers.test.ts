import { expect, it } from "vitest";
import { type Bytes, concatBytes } from "../../foundation/bytes.ts";
import { instances } from "./instance-answers.ts";
import type { WebAnswer, WebRequest } from "./message.ts";
import { wadoUri } from "./picture-answers.ts";
import type { Given, WebReading, Withheld } from "./ports.ts";

const request: WebRequest = {
  method: "GET",
  path: "/studies/1.2",
  parameters: new URLSearchParams(),
  header: () => undefined,
} as Partial<WebRequest> as WebRequest;

function given(sopInstanceUid: string, basis = "verified"): Given {
  return {
    ...{ kind: "given", sopInstanceUid, transferSyntaxUid: "1.2.840.10008.1.2.1", basis, length: 3 },
    bytes: async function* () {
      yield new Uint8Array(3);
    },
    done: () => undefined,
  };
}

/** The archive cannot be asked what else it has, which is known after so many instances. */
async function asked(knownAfter: number, parts: readonly (Given | Withheld)[]): Promise<WebAnswer> {
  let isUnlisted = knownAfter === 0;
  const reading: Pick<WebReading, "read"> = {
    read: async () => ({
      isNone: parts.length === 0,
      isUnlisted: () => isUnlisted,
      instances: (async function* () {
        for (const [i, part] of parts.entries()) {
          yield part;
          isUnlisted ||= i + 1 === knownAfter;
        }
      })(),
    }),
  };
  return instances({ study: "1.2" }, reading as WebReading, request);
}

async function whole({ body }: WebAnswer): Promise<number> {
  const pieces: Bytes[] = [];
  if (typeof body === "object" && body !== null && Symbol.asyncIterator in body)
    for await (const piece of body) pieces.push(piece);
  return concatBytes(pieces).length;
}

it("says at the beginning what is known then: the archive could not be asked what else it has", async () => {
  expect((await asked(0, [])).status).toBe(503);
  const answer = await asked(0, [given("1"), given("2")]);
  expect(answer).toMatchObject({ status: 206, headers: { warning: expect.stringContaining("archive") } });
  expect(await whole(answer)).toBeGreaterThan(6);
});

it("says of one object over WADO-URI too that the archive does not answer", async () => {
  const reading = (isUnlisted: boolean) => {
    const read = async () => ({
      isNone: true,
      isUnlisted: () => isUnlisted,
      instances: (async function* () {})(),
    });
    return { read } as Partial<WebReading> as WebReading;
  };
  const uids = { studyUID: "1.2", seriesUID: "1.3", objectUID: "1.4" };
  const parameters = new URLSearchParams({ requestType: "WADO", ...uids, contentType: "application/dicom" });
  const wado = { ...request, path: "/wado", parameters };
  expect((await wadoUri(reading(true), wado)).status).toBe(503);
  expect((await wadoUri(reading(false), wado)).status).toBe(404);
});

it("gives all that was admitted where that turns out on the way", async () => {
  const answer = await asked(1, [given("1"), given("2")]);
  expect(answer.status).toBe(200);
  expect(await whole(answer)).toBeGreaterThan(6);
});

it("ends unfinished where something was withheld on the way, but for a notice that says it", async () => {
  const withheld: Withheld = { kind: "withheld", sopInstanceUid: "9", why: "held", codes: [] };
  const answer = await asked(9, [given("1"), withheld, given("2")]);
  expect(answer.status).toBe(200);
  await expect(whole(answer)).rejects.toThrow("ends unfinished");
  const told = await asked(9, [given("1"), withheld, given("2"), given("3", "notice")]);
  expect(await whole(told)).toBeGreaterThan(9);
});
