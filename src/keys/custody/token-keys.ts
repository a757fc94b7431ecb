/** What a key epoch's folder says of a key in a PKCS#11 token: where it is, and nothing secret. */
import { join } from "node:path";
import type { Bytes } from "../../foundation/bytes.ts";
import type { Random, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { nodeCrypto } from "../../platform/node/crypto.ts";
import { fileExists } from "../../platform/node/private-files.ts";
import type { Certificate } from "../trust/certificate.ts";
import { readJson, writeJson } from "./json-file.ts";
import { openToken, type Pkcs11Token, type TokenPlace } from "./pkcs11-token.ts";
import type { KeyChoice } from "./private-key.ts";
import { buildTokenRequest } from "./structure-builder.ts";

export type { TokenPlace } from "./pkcs11-token.ts";

interface TokenDocument extends TokenPlace {
  readonly format: "scanseal-token-1";
  /** CKA_ID, hexadecimal. */
  readonly keyId: string;
}

const documentFormat = "scanseal-token-1";

/** A token in which keys can be made, and where it is. */
export interface OpenToken {
  readonly place: TokenPlace;
  readonly token: Pkcs11Token;
}

/** @throws ScansealError `usage` for a kind of key that is not made in tokens, `key-unusable` */
export async function requireToken(place: TokenPlace, keyType: KeyChoice | undefined): Promise<OpenToken> {
  if (keyType !== undefined && keyType !== "EC-P256")
    throw new ScansealError("usage", "a key in a token is of the kind EC-P256");
  return { place, token: await openToken(place) };
}

/**
 * Makes the key of an epoch, notes where it is, and has it sign its own request.
 * @param subject DER name
 * @returns PKCS#10, DER
 */
export function newTokenKey(
  folder: string,
  { place, token }: OpenToken,
  label: string,
  subject: Bytes,
  random: Random,
): Bytes {
  const key = token.makeKey(label, random);
  try {
    const request = buildTokenRequest(subject, key.spki, (body) =>
      key.signDigest(nodeCrypto.hash("SHA-256", body)),
    );
    const { module, label: tokenLabel } = place;
    writeJson<TokenDocument>(join(folder, "token.json"), {
      format: documentFormat,
      module,
      label: tokenLabel,
      keyId: key.keyId,
    });
    return request;
  } catch (error) {
    // Nobody would find it again.
    key.destroy();
    throw error;
  }
}

/** Where the key of an epoch is, or undefined for one in a file. @throws ScansealError `key-unusable` */
export function tokenOf(folder: string): TokenPlace | undefined {
  return fileExists(join(folder, "token.json")) ? readDocument(folder) : undefined;
}

/** @throws ScansealError `key-unusable` for a token or key that is not there or not this device's */
export async function openTokenSigner(folder: string, certificate: Certificate): Promise<Signer> {
  const document = readDocument(folder);
  const token = await openToken(document);
  return token.signer(document.keyId, certificate.der, certificate.key.spki, nodeCrypto);
}

function readDocument(folder: string): TokenDocument {
  const document = readJson<TokenDocument>(join(folder, "token.json"), documentFormat);
  const { module, label, keyId } = document;
  const isSound =
    typeof module === "string" &&
    typeof label === "string" &&
    typeof keyId === "string" &&
    /^([0-9a-f]{2}){1,64}$/.test(keyId);
  if (!isSound) throw new ScansealError("key-unusable", "the note of the device's token is damaged");
  if (fileExists(join(folder, "key.pem")))
    throw new ScansealError(
      "key-unusable",
      "the device has a key file and a token: remove what is not its own",
    );
  return document;
}
