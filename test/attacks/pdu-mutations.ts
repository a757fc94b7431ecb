/** Sessions as no peer should hold them: mutations of a recorded good one, and garbage with the grammar of PDUs. All from a seed. */
import { type Bytes, concatBytes, u32be, viewOf } from "../../src/foundation/bytes.ts";
import { abortPdu, dataPdu, releaseRequest } from "../dicom-network/raw-peer.ts";
import type { SeededRandom } from "../evaluation/seeded-random.ts";
import { associate, echoCommand, openPixelData, pdu, storeCommand, usualContexts } from "./dimse-wire.ts";

/** Numbers that lengths are compared with. */
const telling = [
  0, 1, 2, 3, 4, 5, 6, 7, 16, 127, 128, 255, 256, 16_384, 65_535, 65_536, 131_072, 131_073, 0x7fffffff,
  0x80000000, 0xfffffffe, 0xffffffff,
];

function cutIntoPdus(session: Bytes): Bytes[] {
  const pdus: Bytes[] = [];
  for (let at = 0; at < session.length; ) {
    const end = at + 6 + viewOf(session).getUint32(at + 2);
    pdus.push(session.subarray(at, end));
    at = end;
  }
  return pdus;
}

/** One to four damages. */
export function mutatedSession(session: Bytes, random: SeededRandom): Bytes {
  let pdus = cutIntoPdus(session).map((one) => new Uint8Array(one));
  const pick = (): number => random.below(pdus.length);
  for (let left = 1 + random.below(4); left > 0 && pdus.length > 0; left--) {
    const i = pick();
    const one = pdus[i]!;
    switch (random.below(9)) {
      case 0: // A byte, mostly near the beginning: headers.
        one[random.below(random.below(2) === 0 ? Math.min(80, one.length) : one.length)]! ^=
          1 << random.below(8);
        break;
      case 1: // The PDU's length.
        if (one.length > 6) one.set(u32be(telling[random.below(telling.length)]!), 2);
        break;
      case 2: // Four bytes that may be a length.
        if (one.length > 12)
          one.set(u32be(telling[random.below(telling.length)]!), 6 + random.below(one.length - 10));
        break;
      case 3: // Twice.
        pdus.splice(i, 0, one.slice());
        break;
      case 4: // Left out.
        pdus.splice(i, 1);
        break;
      case 5: {
        // Exchanged.
        const k = pick();
        [pdus[i], pdus[k]] = [pdus[k]!, pdus[i]!];
        break;
      }
      case 6: // Cut, without telling.
        pdus[i] = one.slice(0, random.below(one.length));
        break;
      case 7: // Something else between.
        pdus.splice(i, 0, new Uint8Array(garbagePdu(random)));
        break;
      default: // All that follows is lost.
        pdus = pdus.slice(0, i + 1);
    }
  }
  return concatBytes(pdus);
}

function randomBytes(random: SeededRandom, length: number): Bytes {
  return Uint8Array.from({ length }, () => random.below(256));
}

function garbagePdu(random: SeededRandom): Bytes {
  switch (random.below(9)) {
    case 0:
      return associate({ contexts: random.sample(usualContexts, 1 + random.below(4)) });
    case 1:
      return echoCommand(1 + random.below(8), random.below(65_536));
    case 2:
      return storeCommand(1 + random.below(8));
    case 3:
      return dataPdu([1 + random.below(8), random.below(4), randomBytes(random, random.below(200))]);
    case 4:
      return dataPdu([3, random.below(2) * 2, openPixelData(random.below(1000))]);
    case 5:
      return releaseRequest;
    case 6:
      return abortPdu;
    case 7:
      return pdu(random.below(10), randomBytes(random, random.below(64)));
    default:
      return randomBytes(random, random.below(64));
  }
}

export function garbageSession(random: SeededRandom): Bytes {
  const parts = random.below(4) === 0 ? [] : [associate()];
  for (let left = 1 + random.below(12); left > 0; left--) parts.push(garbagePdu(random));
  return concatBytes(parts);
}
