/** A request to the DICOMweb server, and its answer, apart from the connection they came on. */
import type { WebScope } from "../../dicom-network/dicomweb/resource.ts";
import type { NetworkPeer } from "../../dicom-network/dimse/association.ts";
import type { Bytes } from "../../foundation/bytes.ts";

export interface WebRequest {
  /** As it was sent: upper case for all that are known. */
  readonly method: string;
  /** As it arrived, without a query. */
  readonly path: string;
  readonly parameters: URLSearchParams;
  /** Lower-case name; several are joined by commas. */
  header(name: string): string | undefined;
  readonly peer: NetworkPeer;
  /** Scheme and authority that the peer used: "https://gate.example.org:8443". */
  readonly origin: string;
  /** Taken at most once. @throws ScansealError `network` where it breaks off, `timeout` where it is too slow */
  readonly body: AsyncIterable<Bytes>;
}

export interface WebAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** What it throws ends the connection: nobody takes what came for all there is. */
  readonly body?: Bytes | AsyncIterable<Bytes>;
  /** Called once, when nothing more is asked of the answer, however that came. */
  readonly done?: (() => void) | undefined;
}

/** Of the service, as viewers are told it. */
export const serviceRoot = "/dicom-web";

/** Of an instance, series or study that a match or a data set names: where it is had from. */
export function urlOf(origin: string, { study, series, instance }: WebScope): string {
  const steps = [
    ["studies", study],
    ["series", series],
    ["instances", instance],
  ].flatMap(([word, uid]) => (uid === undefined ? [] : [`/${word}/${uid}`]));
  return `${origin}${serviceRoot}${steps.join("")}`;
}
