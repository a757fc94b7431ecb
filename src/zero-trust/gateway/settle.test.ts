import { beforeEach, expect, it } from "vitest";
import { ScansealError } from "../../foundation/errors.ts";
import type { JudgedObject } from "../../store/journal/journal.ts";
import type { SpoolLocation } from "../../store/spool/spool.ts";
import { ObjectUse } from "./object-use.ts";
import type { GatewayPorts } from "./ports.ts";
import { Settler } from "./settle.ts";

const location = {} as SpoolLocation;
const object = { id: "a", state: "admitted", stored: false, location, bytes: 1 } as unknown as JudgedObject;
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

/** In the order in which they were asked. */
let answers: PromiseWithResolvers<SpoolLocation | undefined>[];
/** Copies into the object store that were begun. */
let begun: number;
let settler: Settler;

beforeEach(() => {
  [answers, begun] = [[], 0];
  const ports = {
    journal: {
      markDelivered: () => {
        answers.push(Promise.withResolvers());
        return answers.at(-1)!.promise;
      },
      object: async () => object,
    },
    copies: {},
    spool: {
      usage: () => ({ bytes: 0, bytesMax: 1 }),
      release: async () => undefined,
      open: async () => {
        begun++;
        throw new ScansealError("io", "not now");
      },
    },
    events: () => undefined,
  } as unknown as GatewayPorts;
  settler = new Settler(
    ports,
    new ObjectUse(),
    async () => undefined,
    () => false,
  );
});

it("begins no move of an object that is leaving the spool: cut off, its file would be nobody's", async () => {
  const delivered = settler.delivered("a");
  settler.store("a");
  await settled();
  // The move waits for the answer to the delivery, and asks itself: it is not told that somebody else was told.
  expect(answers).toHaveLength(1);
  answers[0]!.resolve(location);
  await settled();
  answers[1]!.resolve(undefined);
  await settled();
  expect(begun).toBe(0);
  await delivered;
});

it("moves one that was asked of and stays", async () => {
  const delivered = settler.delivered("a");
  settler.store("a");
  answers[0]!.resolve(undefined);
  await settled();
  answers[1]!.resolve(undefined);
  await expect.poll(() => begun).toBe(1);
  await delivered;
});
