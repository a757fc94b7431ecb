import { expect, it } from "vitest";
import type { Delivery } from "../../store/journal/journal.ts";
import { admissionsOf, destinationOf } from "./admissions.ts";

function delivery(
  destination: string,
  deliveredAt: number | undefined,
  more: Partial<Delivery> = {},
): Delivery {
  return { destination, deliveredAt, released: false, ...more } as Delivery;
}

function wasDelivered(
  deliveries: readonly Delivery[],
  before: number,
  destination?: string,
): Promise<boolean> {
  const journal = {
    deliveriesOf: async () => deliveries,
    object: async () => undefined,
    admittedInstance: async () => undefined,
  };
  return admissionsOf(journal, () => destination).wasDelivered("1", before);
}

it("an archive has what it had taken before it was asked", async () => {
  expect(await wasDelivered([delivery("pacs", 5)], 6)).toBe(true);
  expect(await wasDelivered([delivery("pacs", 5)], 5)).toBe(false);
  expect(await wasDelivered([delivery("pacs", undefined)], 6)).toBe(false);
  expect(await wasDelivered([], 6)).toBe(true);
});

it("another destination that is away hides nothing that this one lost; a release says nothing of it", async () => {
  const all = [
    delivery("pacs", 5),
    delivery("away", undefined),
    delivery("review", undefined, { released: true }),
  ];
  expect(await wasDelivered(all, 6, "pacs")).toBe(true);
  expect(await wasDelivered(all, 6)).toBe(false);
  expect(await wasDelivered(all.toReversed(), 6, "review")).toBe(false);
  const dead = delivery("given-up", undefined, { state: "dead" });
  expect(await wasDelivered([delivery("pacs", 5), dead], 6)).toBe(true);
  expect(await wasDelivered([delivery("pacs", 5), dead], 6, "given-up")).toBe(false);
  expect(await wasDelivered([dead], 6)).toBe(false);
});

it("a destination is the archive by its name, by its address, or as the only one", () => {
  const archive = { name: "a", tolerate: [] };
  const through = { protocol: "dimse", host: "h", port: 2, aeTitle: "A" } as const;
  const rest = { aeTitle: "A", takes: "admitted", associationsMax: 1 } as const;
  const destinations = [
    { name: "other", host: "h", port: 1, ...rest },
    { name: "pacs", host: "h", port: 2, ...rest },
  ];
  expect(destinationOf({ ...archive, through }, destinations)).toBe("pacs");
  expect(destinationOf({ ...archive, through: { ...through, host: "x" } }, destinations)).toBeUndefined();
  const web = { protocol: "dicomweb", url: "http://h:2/" } as const;
  expect(destinationOf({ ...archive, through: web }, destinations)).toBeUndefined();
  expect(destinationOf(undefined, destinations)).toBeUndefined();
  expect(destinationOf({ ...archive, through: web, destination: "pacs" }, destinations)).toBe("pacs");
  const reading = { name: "reading-place", host: "h", port: 3, ...rest, takes: "released" } as const;
  expect(destinationOf({ ...archive, through: web }, [destinations[0]!, reading])).toBe("other");
});
