/** What the codes of sockets and TLS mean for whoever wanted to send. */
import { problemText } from "../problem.ts";

const words: readonly (readonly [RegExp, string])[] = [
  [/\bECONNREFUSED\b/, "nothing listens there"],
  [/\bE?(HOSTUNREACH|NETUNREACH)\b/, "there is no way to it"],
  [/\b(ENOTFOUND|EAI_AGAIN)\b/, "its name cannot be resolved"],
  [/\bERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)\b/, "it does not speak TLS on this port"],
  [
    /\bERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED\b/,
    "it asks for a client certificate: --tls-cert and --tls-key",
  ],
  [
    /\bERR_SSL_(TLSV1|SSLV3)_ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_\w+)\b/,
    "it does not accept our certificate",
  ],
  [
    /\b(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT\w*|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)\b/,
    "none of the authorities of --tls-ca issued it",
  ],
  [/\bERR_TLS_CERT_ALTNAME_INVALID\b/, "it is for another name or address"],
  [/\bCERT_HAS_EXPIRED\b/, "it has expired"],
];

/** One line for what `problemText` says, with words beside a code that has some. */
export function connectionProblem(error: unknown): string {
  const text = problemText(error);
  const found = words.find(([code]) => code.test(text));
  return found ? `${text}: ${found[1]}` : text;
}
