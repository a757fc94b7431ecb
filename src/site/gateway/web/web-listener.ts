/** Listeners for DICOMweb of a running gateway. */

import type { NetworkPeer } from "../../../dicom-network/dimse/association.ts";
import type { EventSink } from "../../../operations/event.ts";
import { CodecPool } from "../../../platform/node/codecs/codec-pool.ts";
import type { NotTaken, WebReading } from "../../../web-api/dicomweb/ports.ts";
import { DicomWebService } from "../../../web-api/dicomweb/service.ts";
import { openWebListener } from "../../../web-api/dicomweb/web-listener.ts";
import { told } from "../../../zero-trust/gateway/fault-words.ts";
import { listenerLimits, type OpenListener } from "../../../zero-trust/gateway/listener.ts";
import type { GatewaySettings, ListenerSettings } from "../../../zero-trust/gateway/settings.ts";
import type { WebReception } from "../../../zero-trust/gateway/web-reception.ts";
import { FrameRenderer } from "../../rendering/rendered-frame.ts";
import { type WebReadingParts, webReading } from "./web-reading.ts";

export interface WebListenersParts {
  /** Undefined: nobody reads through this gate. */
  readonly reading: Omit<WebReadingParts, "decoder" | "renderer"> | undefined;
  readonly events: EventSink;
  readonly settings: GatewaySettings;
}

export class WebListeners {
  readonly #parts: WebListenersParts;
  readonly #decoder: CodecPool = new CodecPool();
  /** One thread: the largest picture takes 0.9 GB. */
  readonly #renderer: FrameRenderer = new FrameRenderer(this.#decoder, { workersMax: 1 });

  constructor(parts: WebListenersParts) {
    this.#parts = parts;
  }

  /** @throws ScansealError `network` when the port cannot be had, `key-unusable` */
  async open(
    { name, host, port, tls, names = [] }: ListenerSettings,
    reception: WebReception,
  ): Promise<OpenListener> {
    const { reading, events, settings } = this.#parts;
    const readingParts = reading && { ...reading, decoder: this.#decoder, renderer: this.#renderer };
    const service = new DicomWebService({
      storing: (peer) => reception.open(peer),
      reading: (peer) => openReading(peer, reception, readingParts),
      onFault: (error) => events({ kind: "fault", where: "DICOMweb", ...told(error) }),
    });
    const open = await openWebListener({
      ...{ name, host, port, tls, names },
      ...listenerLimits(settings),
      answer: (request) => service.answer(request),
      onStranger: (address, why) => reception.tellStranger(address, why),
    });
    return {
      name,
      address: host,
      port: open.port,
      isTls: tls !== undefined,
      get isListening() {
        return open.isListening;
      },
      renewTls: (renewed) => open.renewTls(renewed),
      close: (graceMs) => open.close(graceMs),
    };
  }

  async close(): Promise<void> {
    await this.#renderer.close();
    await this.#decoder.close();
  }
}

function openReading(
  peer: NetworkPeer,
  reception: WebReception,
  parts: WebReadingParts | undefined,
): WebReading | NotTaken {
  const opened = reception.openReading(peer);
  if (typeof opened === "string") return opened;
  if (parts) return webReading(parts, opened.reader, opened.end);
  opened.end();
  return "unknown-peer";
}
