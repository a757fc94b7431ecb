/** Whom to speak to, as the user typed it. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { DimseTarget } from "../../dicom-network/dimse/client.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { readText } from "../text-file.ts";

export interface TargetOptions {
  readonly called?: string;
  readonly calling: string;
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

/** Who to connect to; what to propose is still to come. */
export type NetworkTarget = Omit<DimseTarget, "contexts">;

/** Where neither the address nor an option names one. */
const calledDefault = "SCANSEAL";

/** @throws ScansealError `usage`, `io` */
export function networkTarget(address: string, options: TargetOptions): NetworkTarget {
  const { called, calling, tlsCa, tlsCert, tlsKey } = options;
  const { title, place } = titleAndPlace(address);
  if (title !== undefined && called !== undefined && title !== called)
    throw new ScansealError("usage", `the address says ${title}, --called says ${called}: name one AE title`);
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
  if (tls?.certificate !== undefined && tls.key !== undefined) requirePair(tls.certificate, tls.key);
  const calledAeTitle = title ?? called ?? calledDefault;
  return { ...hostAndPort(place), tls, callingAeTitle: calling, calledAeTitle };
}

/** "SCANSEAL at 10.0.0.7:11112" */
export function targetText({ calledAeTitle, host, port }: NetworkTarget): string {
  return `${calledAeTitle} at ${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** "ARCHIVE@10.0.0.7:104": what is before the last @, which no host has. */
function titleAndPlace(address: string): { readonly title: string | undefined; readonly place: string } {
  const at = address.lastIndexOf("@");
  if (at < 0) return { title: undefined, place: address };
  const title = address.slice(0, at);
  // PS3.5 6.2, AE.
  if (!/^(?! *$)[ -[\]-~]{1,16}$/.test(title))
    throw new ScansealError("usage", "what stands before @ is an AE title of 1 to 16 characters");
  return { title, place: address.slice(at + 1) };
}

/** With another's key TLS 1.3 would only say that no certificate was shown. What cannot be read is told when it is used. */
function requirePair(certificate: string, key: string): void {
  let isPair: boolean;
  try {
    isPair = new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
  } catch {
    return;
  }
  if (!isPair)
    throw new ScansealError("usage", "the key of --tls-key is not that of the certificate of --tls-cert");
}

/** "gate.example.org:11112", "10.0.0.7:104", "[2001:db8::7]:104" */
function hostAndPort(address: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw new ScansealError(
      "usage",
      `${address} is not HOST:PORT or AET@HOST:PORT, such as 10.0.0.7:11112 or SCANSEAL@[::1]:11112`,
    );
  return { host, port };
}
