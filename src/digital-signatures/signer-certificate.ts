/** The certificate inside a signature: where its key is, and of what kind. Whether it is trusted is judged elsewhere (keys/trust). */
import { type Bytes, toHex } from "../foundation/bytes.ts";
import { derTags, expectDer, readDer } from "./der.ts";

export type KeyAlgorithm = "RSA" | "EC-P256" | "EC-P384" | "unsupported";

export interface SignerCertificate {
  /** Without the byte that pads the element to even length. */
  readonly der: Bytes;
  /** SubjectPublicKeyInfo. */
  readonly publicKey: Bytes;
  readonly keyAlgorithm: KeyAlgorithm;
  /** Modulus bits for RSA, field bits for EC, 0 when unsupported. */
  readonly keyBits: number;
}

/** Content of OBJECT IDENTIFIERs: RFC 8017 A.1, RFC 5480 2.1.1. */
const rsaEncryption = "2a864886f70d010101";
const ecPublicKey = "2a8648ce3d0201";
const curveP256 = "2a8648ce3d030107";
const curveP384 = "2b81040022";

/** Undefined when the bytes are not one certificate (RFC 5280 4.1) and at most one pad byte. */
export function readSignerCertificate(value: Bytes): SignerCertificate | undefined {
  const certificate = expectDer(value, derTags.sequence);
  if (!certificate || !isPadding(certificate.rest)) return undefined;
  const publicKey = publicKeyInfo(certificate.content);
  if (!publicKey) return undefined;
  return { der: certificate.whole, publicKey, ...keyKind(publicKey) };
}

/** RFC 5280 4.1: [0] version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo. */
function publicKeyInfo(certificate: Bytes): Bytes | undefined {
  let at = expectDer(certificate, derTags.sequence)?.content;
  if (!at) return undefined;
  at = expectDer(at, derTags.context0)?.rest ?? at;
  at = expectDer(at, derTags.integer)?.rest;
  for (let skipped = 0; skipped < 4; skipped++) at = expectDer(at, derTags.sequence)?.rest;
  return expectDer(at, derTags.sequence)?.whole;
}

function keyKind(publicKey: Bytes): { keyAlgorithm: KeyAlgorithm; keyBits: number } {
  const unsupported = { keyAlgorithm: "unsupported", keyBits: 0 } as const;
  const algorithm = expectDer(readDer(publicKey)?.content, derTags.sequence);
  const oid = expectDer(algorithm?.content, derTags.objectIdentifier);
  if (!algorithm || !oid) return unsupported;
  switch (toHex(oid.content)) {
    case rsaEncryption: {
      const keyBits = modulusBits(algorithm.rest);
      return keyBits === undefined ? unsupported : { keyAlgorithm: "RSA", keyBits };
    }
    case ecPublicKey: {
      const curve = expectDer(oid.rest, derTags.objectIdentifier);
      const name = curve ? toHex(curve.content) : "";
      if (name === curveP256) return { keyAlgorithm: "EC-P256", keyBits: 256 };
      return name === curveP384 ? { keyAlgorithm: "EC-P384", keyBits: 384 } : unsupported;
    }
    default:
      return unsupported;
  }
}

/** RFC 8017 A.1.1: the BIT STRING holds SEQUENCE { modulus, publicExponent }. */
function modulusBits(bitString: Bytes): number | undefined {
  const bits = expectDer(bitString, derTags.bitString);
  const key = expectDer(bits?.content.subarray(1), derTags.sequence);
  const modulus = expectDer(key?.content, derTags.integer)?.content;
  const start = modulus?.findIndex((byte) => byte !== 0);
  if (!modulus || start === undefined || start < 0) return undefined;
  return 8 * (modulus.length - start) - (Math.clz32(modulus[start]!) - 24);
}

/**
 * A Signature (0400,0120) without its pad byte: ECDSA is cut by its DER length, RSA by the modulus.
 * Undefined when what remains is more than one zero byte, or nothing is there.
 */
export function signatureWithoutPadding(value: Bytes, certificate: SignerCertificate): Bytes | undefined {
  if (certificate.keyAlgorithm === "RSA") {
    const bytes = Math.ceil(certificate.keyBits / 8);
    return value.length >= bytes && isPadding(value.subarray(bytes)) ? value.subarray(0, bytes) : undefined;
  }
  if (certificate.keyAlgorithm === "unsupported") return value.length > 0 ? value : undefined;
  const signature = expectDer(value, derTags.sequence);
  return signature && isPadding(signature.rest) ? signature.whole : undefined;
}

function isPadding(rest: Bytes): boolean {
  return rest.length === 0 || (rest.length === 1 && rest[0] === 0);
}
