/** Distinguished names: compared as bytes, shown as text. */
import type { Bytes } from "../../foundation/bytes.ts";
import { toHex } from "../../foundation/bytes.ts";
import { type DerReader, derTag, directoryTextOf, oidOf, readerOf, refuse } from "./der.ts";
import { aeTitleOid, attributeOid, keyEpochOid } from "./object-identifiers.ts";

export interface NameAttribute {
  readonly oid: string;
  readonly value: string;
}

export interface DistinguishedName {
  /** Names are equal when these bytes are: the conservative subset of RFC 5280 7.1. */
  readonly der: Bytes;
  readonly attributes: readonly NameAttribute[];
}

/** Real names have 3 to 8. */
const attributesMax = 32;

/** Name ::= SEQUENCE OF SET OF SEQUENCE { OID, ANY } (RFC 5280 4.1.2.4) */
export function readName(reader: DerReader, what: string): DistinguishedName {
  const value = reader.read(what, derTag.sequence);
  const parts = readerOf(value);
  const attributes: NameAttribute[] = [];
  while (!parts.isDone) {
    const part = parts.enter(what, derTag.set);
    if (part.isDone) refuse(`${what} has an empty part`, value.offset);
    while (!part.isDone) {
      const pair = part.enter(what);
      const oid = oidOf(pair.read(what, derTag.oid));
      const text = pair.read(what);
      pair.end(what);
      if (attributes.length >= attributesMax) refuse(`${what} has too many attributes`, value.offset);
      attributes.push({ oid, value: directoryTextOf(text) ?? `#${toHex(text.whole)}` });
    }
  }
  return { der: value.whole, attributes };
}

/** The attribute's text when the name has it exactly once: a second one could contradict the first. */
export function nameAttribute(name: DistinguishedName, oid: string): string | undefined {
  const found = name.attributes.filter((attribute) => attribute.oid === oid);
  return found.length === 1 ? found[0]!.value : undefined;
}

const labels: ReadonlyMap<string, string> = new Map([
  [attributeOid.commonName, "CN"],
  [attributeOid.serialNumber, "serialNumber"],
  [attributeOid.country, "C"],
  [attributeOid.locality, "L"],
  [attributeOid.state, "ST"],
  [attributeOid.organization, "O"],
  [attributeOid.organizationalUnit, "OU"],
  [aeTitleOid, "AE"],
  [keyEpochOid, "keyEpoch"],
]);

/** One line for people, in the order of the certificate; control and bidirectional characters are escaped so that a name cannot redraw a table. */
export function nameText(name: DistinguishedName): string {
  return name.attributes
    .map(({ oid, value }) => `${labels.get(oid) ?? oid}=${value.replace(/[\\,=+]/g, "\\$&")}`)
    .join(", ")
    .replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (ch) => `\\u{${ch.codePointAt(0)!.toString(16)}}`);
}
