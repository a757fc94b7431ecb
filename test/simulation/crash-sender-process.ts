/**
 * A modality as a process, so that it can be killed: stores what it is told over C-STORE or STOW-RS, and says what was acknowledged.
 * Started by resending-modality.ts.
 */
import { encodeMeta } from "../../src/dicom/encode.ts";
import { connectDimse } from "../../src/dicom-network/dimse/client.ts";
import { type Bytes, concatBytes, fromBase64, fromLatin1 } from "../../src/foundation/bytes.ts";
import { askWeb, type jsonOf, multipartOf, multipartType } from "../gateway/web-request.ts";
import { pieces } from "./crash-sender.ts";
import type { ModalityAnswer, ModalityOrder, SentInstance } from "./resending-modality.ts";

/** Of 127.0.0.1. Unlike the gateway's archive it waits for nobody who is gone. */
const [dicomPort, webPort, aeTitle] = process.argv.slice(2) as [string, string, string];

process.on("message", (order: ModalityOrder) => {
  const sent = order.way === "dimse" ? overDimse(order.instances, order.line) : overWeb(order.instances);
  void sent.then(
    () => answer({ line: order.line, isDone: true }),
    () => answer({ line: order.line, isDone: true }),
  );
});
process.once("disconnect", () => process.exit(0));

function answer(one: ModalityAnswer): void {
  process.send!(one);
}

function bytesOf({ dataSet }: SentInstance): Bytes {
  return fromBase64(dataSet);
}

async function overDimse(instances: readonly SentInstance[], line: number): Promise<void> {
  const [first] = instances;
  const client = await connectDimse({
    host: "127.0.0.1",
    port: Number(dicomPort),
    callingAeTitle: "CT1",
    calledAeTitle: aeTitle,
    contexts: [{ id: 1, abstractSyntax: first!.sopClassUid, transferSyntaxes: [first!.transferSyntaxUid] }],
  });
  try {
    for (const instance of instances) {
      const { code } = await client.store(instance, pieces(bytesOf(instance)));
      answer({ line, at: instance.at, code });
    }
    await client.release();
  } finally {
    client.abort("over");
  }
}

/** PS3.18 I.2: Referenced and Failed SOP Sequence. Instances have different UIDs. */
async function overWeb(instances: readonly SentInstance[]): Promise<void> {
  const files = instances.map((one) =>
    concatBytes([
      encodeMeta(fromLatin1(one.sopClassUid), fromLatin1(one.sopInstanceUid), one.transferSyntaxUid),
      bytesOf(one),
    ]),
  );
  const { status, body } = await askWeb(
    {
      port: Number(webPort),
      method: "POST",
      path: "/dicom-web/studies",
      headers: { "content-type": multipartType },
    },
    multipartOf(files),
  );
  if (status !== 200 && status !== 202 && status !== 409) return;
  const response = JSON.parse(Buffer.from(body).toString()) as Readonly<
    Record<string, { readonly Value?: ReturnType<typeof jsonOf> }>
  >;
  const tell = (sequence: string, codeOf: (item: ReturnType<typeof jsonOf>[number]) => number): void => {
    for (const item of response[sequence]?.Value ?? []) {
      const uid = item["00081155"]?.Value?.[0];
      const instance = instances.find(({ sopInstanceUid }) => sopInstanceUid === uid);
      if (instance) answer({ line: instance.line, at: instance.at, code: codeOf(item) });
    }
  };
  tell("00081199", () => 0);
  tell("00081198", (item) => Number(item["00081197"]?.Value?.[0]));
}
