import { PassThrough } from "node:stream";
import { expect, it } from "vitest";
import { dataPdu } from "../../../../test/dicom-network/raw-peer.ts";
import { concatBytes } from "../../../foundation/bytes.ts";
import { ConnectionWatch } from "./connection-watch.ts";
import { InboundStream, type InboundUser } from "./inbound-stream.ts";
import { upperLayerLimits, upperLayerTimers } from "./upper-layer-defaults.ts";

it("what still comes after an abort is passed over in turns too", async () => {
  const count = 3_000;
  let begun = 0;
  const user: InboundUser = {
    begin: () => {
      begun++;
      return "skip";
    },
    pdu: () => undefined,
    value: () => undefined,
    isOpen: () => true,
    fault: () => undefined,
    failed: () => undefined,
    eof: () => undefined,
  };
  const socket = new PassThrough();
  const watch = new ConnectionWatch(upperLayerTimers, () => undefined);
  const stream = new InboundStream(socket, watch, user, upperLayerLimits);
  stream.start();
  stream.finish();
  socket.emit("data", concatBytes(Array.from({ length: count }, () => dataPdu([1, 0, Uint8Array.of(7)]))));
  expect(begun).toBeLessThan(count);
  for (let turns = 0; begun < count && turns < count; turns++)
    await new Promise((resolve) => void setImmediate(resolve));
  expect(begun).toBe(count);
  stream.stop();
  socket.destroy();
});
