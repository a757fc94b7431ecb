/** The yardstick of all others: SHA-256 of node:crypto alone, and through the hash port. */
import { createHash } from "node:crypto";
import { chunkBytes } from "../src/foundation/byte-source.ts";
import { nodeCrypto } from "../src/platform/node/crypto.ts";
import { type Benchmark, compare } from "./compare.ts";

const objectBytes = 52_000_000;

export const hashPort: Benchmark = {
  name: "hash-port",
  about: "52 MB in memory: what the hash port costs beside node:crypto",
  measure() {
    const bytes = new Uint8Array(objectBytes).map((_, i) => (i * 2_654_435_761) >>> 24);
    return compare(
      [
        {
          name: "node:crypto SHA-256, one call",
          bytes: objectBytes,
          run: () => createHash("sha256").update(bytes).digest(),
        },
        {
          name: "hash port, chunks of 1 MiB",
          bytes: objectBytes,
          run() {
            const hash = nodeCrypto.createHash("SHA-256");
            for (let at = 0; at < bytes.length; at += chunkBytes)
              hash.update(bytes.subarray(at, at + chunkBytes));
            return hash.digest();
          },
        },
      ],
      9,
    );
  },
};
