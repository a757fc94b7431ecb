/** A fault of our own while an object arrives: its sender keeps it, and the log says that something is wrong here. */
import { afterAll, expect, it } from "vitest";
import { slice } from "../attacks/objects.ts";
import { newSite } from "../evaluation/fixture.ts";
import { examinerOf, Gate } from "./gate.ts";
import { send } from "./network.ts";

const site = newSite();
afterAll(() => site.close());

it("is answered with 0110 and told", async () => {
  const gate = await Gate.open(examinerOf(site));
  gate.spool.begin = () => {
    throw new TypeError("something of the object");
  };
  expect(await send(gate.port, slice())).toBe(0x0110);
  expect(await gate.seen("fault")).toMatchObject([{ where: "receiver", code: "internal", why: "TypeError" }]);
  await gate.end();
});
