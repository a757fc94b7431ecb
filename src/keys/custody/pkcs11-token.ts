/**
 * P-256 keys in a PKCS#11 token (version 2.40): made there, used there, not to be taken out.
 * Each token is opened once in a process, with one session; calls go through it one after another.
 */
import { type Bytes, fromHex, toHex, utf8 } from "../../foundation/bytes.ts";
import type { Crypto, Random, Signer } from "../../foundation/crypto.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { derInteger, derSequence } from "./der-writer.ts";

/** Where a token is found; nothing of it is secret. */
export interface TokenPlace {
  /** Absolute path of the token's PKCS#11 library. */
  readonly module: string;
  readonly label: string;
}

type Handle = Buffer;
interface Attribute {
  readonly type: number;
  readonly value?: Buffer | boolean | number;
}
/** The part of pkcs11js that is used. Its own types are not there where it could not be built. */
interface Cryptoki {
  load(path: string): void;
  C_Initialize(): void;
  C_GetSlotList(tokenPresent: boolean): Handle[];
  C_GetTokenInfo(slot: Handle): { readonly label: string };
  C_OpenSession(slot: Handle, flags: number): Handle;
  C_Login(session: Handle, user: number, pin: string): void;
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void;
  C_FindObjects(session: Handle, countMax: number): Handle[];
  C_FindObjectsFinal(session: Handle): void;
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): { readonly value: Buffer }[];
  C_GenerateKeyPair(
    session: Handle,
    mechanism: { readonly mechanism: number },
    publicKey: readonly Attribute[],
    privateKey: readonly Attribute[],
  ): { readonly publicKey: Handle; readonly privateKey: Handle };
  C_DestroyObject(session: Handle, object: Handle): void;
  C_SignInit(session: Handle, mechanism: { readonly mechanism: number }, key: Handle): void;
  C_Sign(session: Handle, data: Buffer, out: Buffer): Buffer;
  C_SignAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>;
}

// PKCS #11 2.40, pkcs11t.h.
const sessionFlags = 0x4 | 0x2; // CKF_SERIAL_SESSION, CKF_RW_SESSION
const normalUser = 1;
const attribute = {
  class: 0x0,
  token: 0x1,
  private: 0x2,
  label: 0x3,
  keyType: 0x100,
  id: 0x102,
  sensitive: 0x103,
  sign: 0x108,
  verify: 0x10a,
  extractable: 0x162,
  ecParameters: 0x180,
  ecPoint: 0x181,
} as const;
const privateKeyClass = 3;
const ellipticKeyType = 3;
const mechanism = { generate: 0x1040, ecdsa: 0x1041 } as const; // CKM_EC_KEY_PAIR_GEN, CKM_ECDSA
const alreadyInitialised = "CKR_CRYPTOKI_ALREADY_INITIALIZED";

/** DER of the OID 1.2.840.10045.3.1.7. */
const p256Oid: Bytes = fromHex("06082a8648ce3d030107");
/** SubjectPublicKeyInfo of P-256 up to the uncompressed point (RFC 5480 2). */
const spkiHead: Bytes = fromHex("3059301306072a8648ce3d020106082a8648ce3d030107034200");
const pointBytes = 65;
const signatureBytes = 64;
const keyIdBytes = 20;

/** Not built everywhere: neither the compiler nor a device with a key file may need it. */
const packageName: string = "pkcs11js";

function refuse(message: string): never {
  throw new ScansealError("key-unusable", message);
}

/** The CKR_ name alone: what a driver adds to its errors is not known. */
function resultOf(error: unknown): string {
  return (error instanceof Error && /CKR_[A-Z0-9_]+/.exec(error.message)?.[0]) || "no PKCS#11 result";
}

const modules = new Map<string, Promise<Cryptoki>>();
const tokens = new Map<string, Promise<Pkcs11Token>>();

async function loadModule(path: string): Promise<Cryptoki> {
  let made: Cryptoki;
  try {
    const { default: loaded } = (await import(packageName)) as {
      readonly default: { readonly PKCS11: new () => Cryptoki };
    };
    made = new loaded.PKCS11();
  } catch {
    refuse(
      "the device's key is in a PKCS#11 token, and the optional package pkcs11js is not installed here (docs/hsm.md)",
    );
  }
  try {
    made.load(path);
  } catch {
    refuse(`the PKCS#11 module ${path} is missing or cannot be loaded`);
  }
  try {
    made.C_Initialize();
  } catch (error) {
    if (resultOf(error) !== alreadyInitialised)
      refuse(`the PKCS#11 module ${path} does not start: ${resultOf(error)}`);
  }
  return made;
}

/**
 * The token, logged in with the PIN of SCANSEAL_PKCS11_PIN. A refusal is kept as well: a PIN is tried once in a process, since a
 * token locks itself after a few wrong ones.
 * @throws ScansealError `key-unusable` without package, module, token or PIN
 */
export function openToken(place: TokenPlace): Promise<Pkcs11Token> {
  const key = JSON.stringify([place.module, place.label]);
  let token = tokens.get(key);
  if (token === undefined) {
    token = logIn(place);
    tokens.set(key, token);
  }
  return token;
}

async function logIn({ module, label }: TokenPlace): Promise<Pkcs11Token> {
  const pin = process.env.SCANSEAL_PKCS11_PIN;
  if (!pin) refuse(`the token "${label}" needs its PIN in the environment variable SCANSEAL_PKCS11_PIN`);
  let cryptoki = modules.get(module);
  if (cryptoki === undefined) {
    cryptoki = loadModule(module);
    modules.set(module, cryptoki);
  }
  const library = await cryptoki;
  const slots = matchingSlots(library, label);
  if (slots.length === 0) refuse(`there is no token "${label}" behind the PKCS#11 module: is it plugged in?`);
  if (slots.length > 1) refuse(`${slots.length} tokens are called "${label}": give them different labels`);
  let session: Handle;
  try {
    session = library.C_OpenSession(slots[0]!, sessionFlags);
  } catch (error) {
    refuse(`the token "${label}" gives no session: ${resultOf(error)}`);
  }
  try {
    library.C_Login(session, normalUser, pin);
  } catch (error) {
    const result = resultOf(error);
    if (/CKR_PIN_(INCORRECT|INVALID|LEN_RANGE)/.test(result))
      refuse(`the token "${label}" refuses the PIN of SCANSEAL_PKCS11_PIN`);
    if (result === "CKR_PIN_LOCKED") refuse(`the PIN of the token "${label}" is locked`);
    // The login is the process's, not the session's.
    if (result !== "CKR_USER_ALREADY_LOGGED_IN") refuse(`the token "${label}" lets nobody in: ${result}`);
  }
  return new Pkcs11Token(library, session, label);
}

function matchingSlots(library: Cryptoki, label: string): Handle[] {
  try {
    return library
      .C_GetSlotList(true)
      .filter((slot) => library.C_GetTokenInfo(slot).label.replace(/[ \0]+$/, "") === label);
  } catch (error) {
    refuse(`the PKCS#11 module does not list its tokens: ${resultOf(error)}`);
  }
}

/** A key just made, before its certificate exists. */
export interface TokenKey {
  /** CKA_ID in hexadecimal. */
  readonly keyId: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Bytes;
  /** @returns DER `ECDSA-Sig-Value` over a SHA-256 digest */
  signDigest(digest: Bytes): Bytes;
  /** Takes both halves out of the token again. */
  destroy(): void;
}

export class Pkcs11Token {
  readonly #library: Cryptoki;
  readonly #session: Handle;
  readonly #label: string;
  /** The last signature asked for: C_SignInit and C_Sign of two must not mix. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(library: Cryptoki, session: Handle, label: string) {
    this.#library = library;
    this.#session = session;
    this.#label = label;
  }

  /**
   * A new P-256 pair under a random CKA_ID, before any signature is asked for.
   * @throws ScansealError `key-unusable` where the token makes none, or one that can be taken out
   */
  makeKey(label: string, random: Random): TokenKey {
    const id = random.bytes(keyIdBytes);
    const common = [
      { type: attribute.token, value: true },
      { type: attribute.keyType, value: ellipticKeyType },
      { type: attribute.id, value: Buffer.from(id) },
      { type: attribute.label, value: Buffer.from(utf8(label)) },
    ];
    const pair = this.#try("makes no P-256 key", () =>
      this.#library.C_GenerateKeyPair(
        this.#session,
        { mechanism: mechanism.generate },
        [
          ...common,
          { type: attribute.ecParameters, value: Buffer.from(p256Oid) },
          { type: attribute.verify, value: true },
        ],
        [
          ...common,
          { type: attribute.private, value: true },
          { type: attribute.sensitive, value: true },
          { type: attribute.extractable, value: false },
          { type: attribute.sign, value: true },
        ],
      ),
    );
    const destroy = (): void => {
      this.#try("does not remove a key", () => {
        this.#library.C_DestroyObject(this.#session, pair.privateKey);
        this.#library.C_DestroyObject(this.#session, pair.publicKey);
      });
    };
    try {
      this.#requireKept(pair.privateKey);
      return {
        keyId: toHex(id),
        spki: this.#spkiOf(pair.publicKey),
        signDigest: (digest) =>
          this.#try("does not sign", () => {
            this.#library.C_SignInit(this.#session, { mechanism: mechanism.ecdsa }, pair.privateKey);
            const out = Buffer.alloc(signatureBytes);
            return derSignature(this.#library.C_Sign(this.#session, Buffer.from(digest), out));
          }),
        destroy,
      };
    } catch (error) {
      destroy();
      throw error;
    }
  }

  /**
   * The signer of a certificate whose key lies here. One signature shows that it is this key.
   * @param spki of the certificate
   * @throws ScansealError `key-unusable` where the key is gone, another's, or could be taken out
   */
  async signer(keyId: string, certificate: Bytes, spki: Bytes, crypto: Crypto): Promise<Signer> {
    const key = this.#find(keyId);
    this.#requireKept(key);
    const probe = utf8("scanseal: is this the key of the certificate?");
    const check = crypto.createSignatureCheck(spki, "SHA-256");
    check.update(probe);
    if (!(await check.verify(await this.#sign(key, crypto.hash("SHA-256", probe)))))
      refuse("the key in the token and the certificate of the device do not belong together");
    return {
      keyType: "EC-P256",
      keyBits: 256,
      hash: "SHA-256",
      certificate,
      // DER of two integers of at most 33 octets, with 2 octets of header, and 2 around both.
      signatureBytesMax: 72,
      start: () => {
        const hash = crypto.createHash("SHA-256");
        return { update: (bytes) => hash.update(bytes), sign: () => this.#sign(key, hash.digest()) };
      },
    };
  }

  #sign(key: Handle, digest: Bytes): Promise<Bytes> {
    const signature = this.#last.then(async () => {
      try {
        this.#library.C_SignInit(this.#session, { mechanism: mechanism.ecdsa }, key);
        const out = Buffer.alloc(signatureBytes);
        return derSignature(await this.#library.C_SignAsync(this.#session, Buffer.from(digest), out));
      } catch (error) {
        throw this.#refusal("does not sign", error);
      }
    });
    this.#last = signature.catch(() => undefined);
    return signature;
  }

  #find(keyId: string): Handle {
    const found = this.#try("does not list its keys", () => {
      this.#library.C_FindObjectsInit(this.#session, [
        { type: attribute.class, value: privateKeyClass },
        { type: attribute.id, value: Buffer.from(fromHex(keyId)) },
      ]);
      try {
        return this.#library.C_FindObjects(this.#session, 2);
      } finally {
        this.#library.C_FindObjectsFinal(this.#session);
      }
    });
    if (found.length === 0)
      refuse(
        `the device's key is not in the token "${this.#label}" any more: --new-epoch gives it a new one`,
      );
    if (found.length > 1) refuse(`two keys in the token "${this.#label}" have the id of the device's key`);
    return found[0]!;
  }

  /** A token may ignore what it was asked for. */
  #requireKept(key: Handle): void {
    const [sensitive, extractable] = this.#try("does not describe its key", () =>
      this.#library.C_GetAttributeValue(this.#session, key, [
        { type: attribute.sensitive },
        { type: attribute.extractable },
      ]),
    );
    if (sensitive?.value[0] !== 1 || extractable?.value[0] !== 0)
      refuse(`the key in the token "${this.#label}" can be taken out of it`);
  }

  #spkiOf(key: Handle): Bytes {
    const [point] = this.#try("does not give the public key", () =>
      this.#library.C_GetAttributeValue(this.#session, key, [{ type: attribute.ecPoint }]),
    );
    const value = new Uint8Array(point?.value ?? []);
    // PKCS #11 2.40 2.3.3: DER OCTET STRING; some give the bare point.
    const bare = value.length === pointBytes + 2 && value[0] === 0x04 ? value.subarray(2) : value;
    if (bare.length !== pointBytes || bare[0] !== 0x04) refuse("the token's public key is not P-256");
    return Uint8Array.of(...spkiHead, ...bare);
  }

  #try<T>(what: string, call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw this.#refusal(what, error);
    }
  }

  #refusal(what: string, error: unknown): ScansealError {
    if (error instanceof ScansealError) return error;
    return new ScansealError("key-unusable", `the token "${this.#label}" ${what}: ${resultOf(error)}`);
  }
}

/** r || s (PKCS #11 2.40 2.3.1) as DER `ECDSA-Sig-Value`. */
function derSignature(raw: Uint8Array): Bytes {
  if (raw.length !== signatureBytes) refuse("the token's signature is not of P-256");
  const half = signatureBytes / 2;
  return derSequence(derInteger(raw.subarray(0, half)), derInteger(raw.subarray(half)));
}
