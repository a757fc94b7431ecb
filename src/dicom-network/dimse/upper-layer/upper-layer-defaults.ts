/** Bounds that hold unless a site configures others. */
import type { UpperLayerLimits, UpperLayerTimers } from "./upper-layer.ts";

export const upperLayerTimers: UpperLayerTimers = {
  // A peer that connected has its request ready; a rejected one has nothing left to say.
  artimMs: 10_000,
  // Senders that keep an association for the next image of a series pause for seconds, not for half a minute.
  idleMs: 30_000,
  // 128 KiB in 30 s are 4.4 kB/s: slower than any network that carries images.
  pduMs: 30_000,
  // A 0.5 MB slice at this rate takes two minutes. Below it a peer only occupies an association.
  minimumRateBytesPerSecond: 4_096,
  // TCP's slow start, a retransmission after loss, a modality that reads its disk.
  minimumRateGraceMs: 10_000,
  // An archive that writes synchronously may stall for seconds.
  sendStallMs: 30_000,
};

export const upperLayerLimits: UpperLayerLimits = {
  // Two socket reads of 64 KiB: fewer headers than DCMTK's 16 KiB default, and no gain measured above.
  maxPduBytes: 131_072,
  // 128 contexts of 4 transfer syntaxes take 30 KiB.
  associatePduBytesMax: 65_536,
  // To peers that take any length.
  sendPduBytesMax: 131_072,
};
