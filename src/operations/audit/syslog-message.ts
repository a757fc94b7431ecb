/** RFC 5424 messages, framed as RFC 5425 asks for. */
import type { Bytes } from "../../foundation/bytes.ts";

export interface SyslogHeader {
  /** Milliseconds since 1970. */
  readonly at: number;
  /** AuditOutcome: PS3.15 A.6 has most at 5, warnings at 4. */
  readonly outcome: number;
  readonly host: string;
  readonly processId: number;
}

/** RFC 5424 6.2.1: security/authorization messages (PS3.15 A.6). */
const facility = 10;
const byteOrderMark = "\ufeff";

/** RFC 5424 6, without its frame. @param xml of one audit message */
export function syslogMessage(xml: string, { outcome, ...from }: SyslogHeader): Bytes {
  return encoded(xml, "DICOM+RFC3881", { ...from, severity: outcome === 0 ? 5 : 4 });
}

/** @param line without controls; `severity` of RFC 5424 6.2.1 */
export function alertSyslogMessage(
  line: string,
  header: Omit<SyslogHeader, "outcome"> & { readonly severity: number },
): Bytes {
  return encoded(line, "ALERT", header);
}

function encoded(
  text: string,
  messageId: string,
  { at, severity, host, processId }: Omit<SyslogHeader, "outcome"> & { readonly severity: number },
): Bytes {
  // RFC 5424 6.2.4: printable ASCII, at most 255 characters, or nil.
  const hostName = host.replace(/[^\x21-\x7e]/g, "").slice(0, 255) || "-";
  const header = `<${facility * 8 + severity}>1 ${new Date(at).toISOString()} ${hostName} scanseal ${processId} ${messageId} -`;
  return new TextEncoder().encode(`${header} ${byteOrderMark}${text}`);
}

/** RFC 5425 4.3: the octets are counted, whatever is in them. */
export function framed(message: Bytes): Bytes {
  const length = new TextEncoder().encode(`${message.length} `);
  const frame = new Uint8Array(length.length + message.length);
  frame.set(length);
  frame.set(message, length.length);
  return frame;
}
