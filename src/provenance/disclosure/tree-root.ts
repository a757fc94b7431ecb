/** The Merkle tree of RFC 6962 section 2.1 over leaves that are hashed already. */
import type { Bytes } from "../../foundation/bytes.ts";
import type { Crypto } from "../../foundation/crypto.ts";

/** @param leaves at least one; SHA-256 each */
export function treeRoot(crypto: Crypto, leaves: readonly Bytes[]): Bytes {
  const node = new Uint8Array(65).fill(1, 0, 1);
  let level = leaves;
  // Pairing from the left and carrying an odd last node up gives RFC 6962's tree: every left subtree is complete.
  while (level.length > 1) {
    const above: Bytes[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      node.set(level[i]!, 1);
      node.set(level[i + 1]!, 33);
      above.push(crypto.hash("SHA-256", node));
    }
    if (level.length % 2 === 1) above.push(level.at(-1)!);
    level = above;
  }
  return level[0]!;
}
