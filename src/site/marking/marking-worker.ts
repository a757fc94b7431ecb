/** The thread that marks frames, one after the other. It has the site's marking keys while it works on a frame, and never the device's key. */
import { parentPort } from "node:worker_threads";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { type MarkedSamples, prepareSamples } from "../../sealing/frame-marking.ts";
import type { MarkingAnswer, MarkingQuestion } from "./marking-messages.ts";

/** Of the frame that waits for its signature. */
let finish: ReturnType<typeof finishOf>;

function finishOf(
  prepared: ReturnType<typeof prepareSamples>,
): ((signature: Uint8Array) => MarkedSamples) | undefined {
  return "reason" in prepared ? undefined : prepared.finish;
}

function answerTo(question: MarkingQuestion): MarkingAnswer {
  const waiting = finish;
  finish = undefined;
  if (question.task === "drop") return { dropped: true };
  if (question.task === "finish") return { marked: waiting!(question.signature) };
  const prepared = prepareSamples(question.job, nodeCrypto);
  finish = finishOf(prepared);
  return "reason" in prepared ? prepared : { toBeSigned: prepared.toBeSigned };
}

function answerOrError(question: MarkingQuestion): MarkingAnswer {
  try {
    return answerTo(question);
  } catch (error) {
    if (error instanceof ScansealError) return { code: error.code, message: error.message };
    return { code: "internal", message: "marking failed" };
  }
}

parentPort!.on("message", (question: MarkingQuestion) => {
  const answer = answerOrError(question);
  const transfer = "marked" in answer ? [answer.marked.samples.buffer as ArrayBuffer] : [];
  parentPort!.postMessage(answer, transfer);
});
