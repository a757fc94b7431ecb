import { Socket } from "node:net";
import { expect, it } from "vitest";
import { ConnectionTable } from "./connection-table.ts";

it.each([
  ["192.0.2.7", "192.0.2.7"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:2::6", "2001:db8:1:2::/64"],
  ["2001:db8::6", "2001:db8:0:0::/64"],
  ["2001:db8::2:3:4:5:6", "2001:db8:0:2::/64"],
  ["::1", "0:0:0:0::/64"],
  ["::", "0:0:0:0::/64"],
  ["fe80::", "fe80:0:0:0::/64"],
  ["64:ff9b::192.0.2.1", "64:ff9b:0:0::/64"],
  ["1:2:3:4:5:6:192.0.2.1", "1:2:3:4::/64"],
  ["", ""],
])("%s counts as %s", (address, counted) => {
  const table = new ConnectionTable({ connectionsMax: 1, connectionsPerAddressMax: 1 });
  const socket = new Socket();
  expect(table.add(socket, address)?.address).toBe(counted);
  socket.destroy();
});

it("all addresses of an IPv6 network together have one address's connections", () => {
  const table = new ConnectionTable({ connectionsMax: 100, connectionsPerAddressMax: 3 });
  const sockets = Array.from({ length: 50 }, () => new Socket());
  for (const [i, socket] of sockets.entries()) {
    const connection = table.add(socket, `2001:db8:0:1::${i.toString(16)}`);
    expect(connection === undefined).toBe(i >= 3);
    if (connection) connection.isAssociated = true;
  }
  const others = [new Socket(), new Socket()];
  expect(table.add(others[0]!, "2001:db8:0:2::1")).toBeDefined();
  expect(table.add(others[1]!, "192.0.2.7")).toBeDefined();
  for (const socket of [...sockets, ...others]) socket.destroy();
});
