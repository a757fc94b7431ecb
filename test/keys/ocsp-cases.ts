/** OCSP responses about one device, by what is done with them: believed as a state, or refused at a step. */
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import {
  der,
  derGeneralizedTime,
  derInteger,
  derNamedBits,
  derNull,
  derOctets,
  derSequence,
  derTime,
} from "../../src/keys/custody/der-writer.ts";
import { keyPurposeOf } from "../../src/keys/trust/roles.ts";
import {
  build,
  type CertificateSpec,
  commonName,
  day,
  type Extension,
  extension,
  goodChain,
  judgedAt,
  keyOf,
  oids,
  purposes,
  setExtension,
} from "./forged-chains.ts";
import {
  type AnswerSpec,
  buildResponse,
  byKey,
  byName,
  delegated,
  delegateOf,
  errorResponse,
  goodResponse,
  nested,
  nonceExtension,
  ocspOids,
  type ResponseSpec,
  revokedAt,
  unknown,
} from "./forged-ocsp.ts";

const chain = goodChain("P-256", 2) as [CertificateSpec, CertificateSpec];
export const device: CertificateSpec = chain[0];
export const root: CertificateSpec = chain[1];
// It ends before its authority does.
device.notAfter = derTime(judgedAt + 100 * day);
/** One encoding of each: an ECDSA signature differs each time. */
export const deviceCertificate: Bytes = build(device);
export const rootCertificate: Bytes = build(root);
export const nonce: Uint8Array = new Uint8Array(32).fill(7);

/** What a case is free to change. */
interface Setting {
  readonly response: ResponseSpec;
  /** The one in the response. */
  readonly answer: AnswerSpec;
}

type Change = (setting: Setting) => void;
type DelegateChange = (delegate: CertificateSpec) => void;

/** By the issuer. */
export function changed(change: Change = () => {}): Bytes {
  const response = goodResponse(device, root);
  change({ response, answer: response.answers[0]! });
  return buildResponse(response);
}

export function byDelegate(change: DelegateChange = () => {}, finish: Change = () => {}): Bytes {
  const delegate = delegateOf(root);
  change(delegate);
  const response = delegated(goodResponse(device, root), delegate);
  finish({ response, answer: response.answers[0]! });
  return buildResponse(response);
}

/** Title -> change. */
type Changes<T> = Readonly<Record<string, T>>;

const at = (ms: number): Bytes => derGeneralizedTime(judgedAt + ms);
const strange = (isCritical: boolean): Extension => extension("1.2.3.4", isCritical, derNull());

const takenAsGood: Changes<Change> = {
  "by the issuer": () => {},
  "named by key": ({ response }) => {
    response.responder = byKey(root.key);
  },
  "an identifier by SHA-256": ({ answer }) => {
    answer.hash = "sha256";
  },
  "the issuer's certificate beside it": ({ response }) => {
    response.certificates = [rootCertificate];
  },
  "the right nonce": ({ response }) => {
    response.extensions = [nonceExtension(nonce, true)];
  },
  "an extension that is not critical": ({ response, answer }) => {
    answer.extensions = [strange(false)];
    response.extensions = [strange(false)];
  },
  "an answer about another certificate before it": ({ response, answer }) => {
    response.answers.unshift({ ...answer, serial: derInteger(9), state: revokedAt(judgedAt) });
  },
  "no next update, an hour old": ({ answer }) => {
    answer.nextUpdate = undefined;
  },
};

/** Each is also the answer to a request with `nonce`. */
export const believed: readonly (readonly [status: string, title: string, bytes: Bytes])[] = [
  ...Object.entries(takenAsGood).map(([title, change]) => ["good", title, changed(change)] as const),
  ["good", "a delegate", byDelegate()],
  [
    "good",
    "a delegate, named by key",
    byDelegate(undefined, ({ response }) => {
      response.responder = byKey(response.key);
    }),
  ],
  [
    "revoked",
    "a theft",
    changed(({ answer }) => {
      answer.state = revokedAt(judgedAt - 2 * day, 1);
    }),
  ],
  [
    "unknown",
    "nobody knows",
    changed(({ answer }) => {
      answer.state = unknown;
    }),
  ],
];

/** Made when the device's certificate had ended, 100 days after the others. */
export const afterTheEnd: Change = ({ response, answer }) => {
  response.producedAt = at(101 * day);
  answer.thisUpdate = at(100 * day);
  answer.nextUpdate = undefined;
};

const structure: Changes<Change> = {
  "a refusal with an answer": ({ response }) => {
    response.status = 6;
  },
  "another response type": ({ response }) => {
    response.type = "1.3.6.1.5.5.7.48.1.3";
  },
  "version 2": ({ response }) => {
    response.version = der(0xa0, derInteger(1));
  },
  "a version that is the default": ({ response }) => {
    response.version = der(0xa0, derInteger(0));
  },
  "an empty nonce": ({ response }) => {
    response.extensions = [nonceExtension(new Uint8Array())];
  },
  "a time with fractions": ({ response }) => {
    response.producedAt = der(0x18, Buffer.from("20260601000000.5Z"));
  },
  "a UTCTime": ({ response }) => {
    response.producedAt = derTime(judgedAt);
  },
  "good with content": ({ answer }) => {
    answer.state = der(0x80, Uint8Array.of(0));
  },
  "a state that does not exist": ({ answer }) => {
    answer.state = der(0x83);
  },
  removeFromCRL: ({ answer }) => {
    answer.state = revokedAt(judgedAt, 8);
  },
  "17 answers": ({ response, answer }) => {
    response.answers = Array.from({ length: 17 }, () => answer);
  },
  "5 certificates": ({ response }) => {
    response.certificates = Array.from({ length: 5 }, (_, i) => derSequence(derInteger(i)));
  },
  "a certificate twice": ({ response }) => {
    response.certificates = [rootCertificate, rootCertificate];
  },
  "a certificate that is none": ({ response }) => {
    response.certificates = [derSequence(derInteger(1))];
  },
  "bytes behind it": ({ response }) => {
    response.finish = (whole) => concatBytes([whole, Uint8Array.of(0)]);
  },
  "more than 16 KiB": ({ response }) => {
    response.extensions = [extension("1.2.3", false, derOctets(new Uint8Array(17_000)))];
  },
};

const certificate: Changes<Change> = {
  "another serial number": ({ answer }) => {
    answer.serial = derInteger(5);
  },
  "another issuer's name": ({ answer }) => {
    answer.issuerName = commonName("Another");
  },
  "another issuer's key": ({ answer }) => {
    answer.issuerKey = keyOf("P-256", "another");
  },
  "an identifier by SHA-512": ({ answer }) => {
    answer.hash = "sha512";
  },
  "no answer": ({ response }) => {
    response.answers = [];
  },
  "two answers": ({ response, answer }) => {
    response.answers.push({ ...answer, state: revokedAt(judgedAt) });
  },
};

const signer: Changes<Change> = {
  "a stranger's name": ({ response }) => {
    response.responder = byName(commonName("Another"));
  },
  "by the device itself": ({ response }) => {
    response.key = device.key;
    response.responder = byName(device.subject);
    response.certificates = [deviceCertificate];
  },
  "a certificate that nothing needs": ({ response }) => {
    response.certificates = [build(goodChain("P-384", 2)[1]!)];
  },
};

const delegate: Changes<DelegateChange> = {
  "without the purpose": (one) => setExtension(one, oids.eku, undefined),
  "for anything": (one) => setExtension(one, oids.eku, purposes("2.5.29.37.0")),
  "that seals images too": (one) =>
    setExtension(one, oids.eku, purposes(ocspOids.signing, keyPurposeOf("capture"))),
  "that may not sign": (one) => setExtension(one, oids.keyUsage, derNamedBits([2]), true),
  "that may issue": (one) => setExtension(one, oids.keyUsage, derNamedBits([0, 5]), true),
  "of another issuer": (one) => {
    one.issuer = commonName("Another");
  },
  "that another key signed": (one) => {
    one.signer = keyOf("P-256", "another");
  },
  "signed over SHA-1": (one) => {
    one.algorithm = "sha1";
  },
  "that had ended": (one) => {
    one.notAfter = derTime(judgedAt - day);
  },
  "that was to come": (one) => {
    one.notBefore = derTime(judgedAt + day);
  },
  "with a critical extension": (one) => setExtension(one, "1.2.3.4", derNull(), true),
  "of whom nothing is known": (one) => setExtension(one, ocspOids.noCheck, undefined),
};

const signature: Changes<Change> = {
  "by another key": ({ response }) => {
    response.key = keyOf("P-256", "another");
  },
  "over SHA-1": ({ response }) => {
    response.algorithm = "sha1";
  },
};

const extensions: Changes<Change> = {
  "critical, of the response": ({ response }) => {
    response.extensions = [strange(true)];
  },
  "critical, of the answer": ({ answer }) => {
    answer.extensions = [strange(true)];
  },
};

const time: Changes<Change> = {
  "from tomorrow": ({ response }) => {
    response.producedAt = at(day);
  },
  "known before it is said": ({ response, answer }) => {
    answer.thisUpdate = at(0);
    response.producedAt = at(-day);
  },
  "ends before it begins": ({ answer }) => {
    answer.nextUpdate = at(-2 * day);
  },
  "before its authority was valid": ({ response, answer }) => {
    response.producedAt = at(-31 * day);
    answer.thisUpdate = at(-31 * day);
  },
};

const of = (step: string, changes: Changes<Change>): [string, string, Bytes][] =>
  Object.entries(changes).map(([title, change]) => [step, title, changed(change)]);

export const refused: readonly (readonly [step: string, title: string, bytes: Bytes])[] = [
  ["status", "tryLater", errorResponse(3)],
  ["structure", "an unused status", errorResponse(4)],
  ...of("structure", structure),
  ...of("certificate", certificate),
  ...of("extension", extensions),
  ...of("responder", signer),
  ...Object.entries(delegate).map(
    ([title, change]) => ["responder", `a delegate ${title}`, byDelegate(change)] as const,
  ),
  ...of("signature", signature),
  [
    "signature",
    "a weak key of a delegate",
    buildResponse(delegated(goodResponse(device, root), delegateOf(root, "RSA-1024"))),
  ],
  ...of("time", time),
  ["structure", "four thousand sequences in each other", nested(4000)],
  ["structure", "a certificate in its place", rootCertificate],
  ["structure", "nothing", new Uint8Array()],
];

/** As the answer to a request with `nonce`; kept by somebody they are taken. */
export const refusedWhenAsked: readonly (readonly [step: string, title: string, bytes: Bytes])[] = [
  ...of("nonce", {
    "of another request": ({ response }) => {
      response.extensions = [nonceExtension(new Uint8Array(32))];
    },
  }),
  ...of("time", {
    "out of date": ({ answer }) => {
      answer.nextUpdate = at(-600_000);
    },
    "undated, and of the day before yesterday": ({ answer }) => {
      answer.nextUpdate = undefined;
      answer.thisUpdate = at(-2 * day);
    },
  }),
];
