/**
 * A sealer beside one scanner: CT slices (0.53 MB) sent over one association, sealed with their marks, verified, delivered to an archive that only takes
 * them; from the first byte to the last delivery.
 *
 *   node bench/sealer.ts [SLICES]
 */
import { textElement } from "../src/dicom/encode.ts";
import { tags } from "../src/dicom/tags.ts";
import type { Bytes } from "../src/foundation/bytes.ts";
import { edited } from "../test/evaluation/fixture.ts";
import { ReceivingArchive, sendAll } from "../test/gateway/network.ts";
import { SealerSite } from "../test/gateway/sealer-site.ts";
import { bytesOf, originalSlices } from "./bench-site.ts";
import { renamed } from "./gateway-slices.ts";

const count = Number(process.argv[2] ?? 200);

async function slices(): Promise<Bytes[]> {
  const originals = originalSlices().map(bytesOf);
  const equipment = [
    textElement(tags.modality, "CS", "CT"),
    textElement(0x00080070, "LO", "ACME"),
    textElement(0x00081010, "SH", "CT01"),
    textElement(0x00081090, "LO", "Scan 3000"),
    textElement(tags.deviceSerialNumber, "LO", "CT1-serial"),
  ];
  const put = equipment.map((element) => ({ kind: "put", element }) as const);
  return Promise.all(
    Array.from({ length: count }, async (_, i) =>
      edited(await renamed(originals[i % originals.length]!, i), put),
    ),
  );
}

async function run(): Promise<void> {
  const files = await slices();
  const bytes = files.reduce((sum, file) => sum + file.length, 0);
  const archive = await ReceivingArchive.open(0);
  const site = await SealerSite.make();
  try {
    site.configure(archive.port);
    const port = await site.start();
    const isDelivered = ({ kind }: { readonly kind: string }): boolean => kind === "delivered";
    // The threads are started, and the device is opened, by the first.
    await sendAll(port, files.slice(0, 1), { callingAeTitle: "CT01" });
    await site.until(isDelivered);
    const from = performance.now();
    await sendAll(port, files.slice(1), { callingAeTitle: "CT01" });
    const acknowledged = performance.now() - from;
    await site.until(isDelivered, count);
    const delivered = performance.now() - from;
    const rate = (ms: number): string => ((1000 * (count - 1)) / ms).toFixed(1);
    process.stdout.write(
      `${count - 1} slices, ${(bytes / 2 ** 20).toFixed(0)} MiB: acknowledged ${rate(acknowledged)}/s; sealed, verified and delivered ${rate(delivered)}/s\n`,
    );
  } finally {
    await site.remove();
    await archive.close();
  }
}

await run();
