/** Whom to speak to, as the user typed it. */
import type { DimseTarget } from "../../dicom-network/dimse/client.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readText } from "../text-file.ts";

export interface TargetOptions {
  readonly called: string;
  readonly calling: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Who to connect to; what to propose is still to come. */
export type NetworkTarget = Omit<DimseTarget, "contexts">;

/** @throws ScansealError `usage`, `io` */
export function networkTarget(address: string, options: TargetOptions): NetworkTarget {
  const { called, calling, tlsCa, tlsCert, tlsKey } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new ScansealError("usage", "--tls-cert and --tls-key belong together");
  if (tlsCert !== undefined && tlsCa === undefined)
    throw new ScansealError("usage", "--tls-ca is missing: whose certificate to accept from the peer");
  const pem = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : readText(path);
  const tls =
    tlsCa === undefined
      ? undefined
      : { authorities: readText(tlsCa), certificate: pem(tlsCert), key: pem(tlsKey) };
  return { ...hostAndPort(address), tls, callingAeTitle: calling, calledAeTitle: called };
}

/** "gate.example.org:11112", "10.0.0.7:104", "[2001:db8::7]:104" */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw new ScansealError("usage", `${address} is not HOST:PORT, such as 10.0.0.7:11112 or [::1]:11112`);
  return { host, port };
}
