/** Zip archives as an attacker writes them: every field of an entry can be a lie. */
import { crc32, deflateRawSync } from "node:zlib";

export interface ZipPart {
  readonly name: string;
  readonly content: Uint8Array;
  readonly deflate?: boolean;
  /** In place of the true ones. */
  readonly statedBytes?: number;
  readonly crc?: number;
  /** Of Unix, such as 0o120777 for a link. */
  readonly mode?: number;
  readonly flags?: number;
  readonly method?: number;
  /** Where the directory says that it is: at an earlier entry's place. */
  readonly at?: number;
}

export function zipOf(parts: readonly ZipPart[]): Buffer {
  const bodies: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const part of parts) {
    const { content, deflate = false, mode = 0o100644, flags = 0x0800 } = part;
    const name = Buffer.from(part.name);
    const packed = deflate ? deflateRawSync(content, { level: 9 }) : Buffer.from(content);
    const method = part.method ?? (deflate ? 8 : 0);
    const common = Buffer.alloc(22);
    common.writeUInt16LE(flags, 0);
    common.writeUInt16LE(method, 2);
    common.writeUInt32LE(part.crc ?? crc32(content), 8);
    common.writeUInt32LE(packed.length, 12);
    common.writeUInt32LE(part.statedBytes ?? content.length, 16);
    common.writeUInt16LE(name.length, 20);
    const local = Buffer.concat([Buffer.from("PK\x03\x04\x14\0", "latin1"), common, Buffer.alloc(2), name]);
    const tail = Buffer.alloc(16);
    tail.writeUInt32LE((mode << 16) >>> 0, 8);
    tail.writeUInt32LE(part.at ?? offset, 12);
    directory.push(
      Buffer.from("PK\x01\x02\x14\x03\x14\0", "latin1"),
      common,
      // Extra field, comment, disk, internal attributes; then mode and place.
      Buffer.alloc(2),
      tail.subarray(2),
      name,
    );
    bodies.push(local, packed);
    offset += local.length + packed.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(parts.length, 4);
  end.writeUInt16LE(parts.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...bodies, central, Buffer.from("PK\x05\x06", "latin1"), end]);
}
