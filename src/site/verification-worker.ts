/** A thread that verifies: a batch of paths in, their outcomes out. */
import { parentPort, workerData } from "node:worker_threads";
import { createTrustStore } from "../keys/trust/trust-store.ts";
import { nodeCrypto } from "../platform/node/crypto.ts";
import { type FileOutcome, FileVerifier } from "./verification.ts";
import type { VerificationSettings } from "./verification-run.ts";

const { trust, ...options } = workerData as VerificationSettings;
const verifier = new FileVerifier(createTrustStore(trust, nodeCrypto), options);

parentPort!.on("message", async (paths: readonly string[]) => {
  const outcomes: FileOutcome[] = [];
  for (const path of paths) outcomes.push(await verifier.outcomeOf(path));
  parentPort!.postMessage(outcomes);
});
