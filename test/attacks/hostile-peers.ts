/** What hostile peers do to an open port, each for as long as it is told: for bench/hostile-network.ts. What is checked is what others see meanwhile. */
import { connect as connectTls } from "node:tls";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";
import { abortPdu, dataPdu } from "../dicom-network/raw-peer.ts";
import {
  associate,
  dataSetPdus,
  echoCommand,
  explicitLittleEndian,
  openPixelData,
  pdu,
  storeCommand,
} from "./dimse-wire.ts";
import { badData, badRequests, maximalContexts, phases, repeated } from "./false-pdus.ts";
import { Foe } from "./foe.ts";

export interface Battlefield {
  readonly plainPort: number;
  readonly tlsPort: number;
  /** A TLS ClientHello of a real client. */
  readonly clientHello: Bytes;
  /** Sealed by a device, accepted: data set of context 3, 5 or 7 by its syntax. */
  readonly goodSession: Bytes;
  readonly hostile: readonly HostileDataSet[];
  /** Deflated zeros: 192 KiB that are 192 MiB. */
  readonly bombs: readonly HostileDataSet[];
  readonly isOver: () => boolean;
  pause(ms: number): Promise<void>;
}

export interface HostileDataSet {
  readonly name: string;
  readonly transferSyntax: string;
  readonly sopClassUid: string;
  readonly dataSet: Bytes;
}

export interface Attack {
  readonly name: string;
  /** @returns what was done */
  run(field: Battlefield): Promise<string>;
}

/** Keeps `count` of them open until it is over. @returns connections made */
async function besiege(
  field: Battlefield,
  count: number,
  make: (i: number) => Promise<Foe | undefined>,
): Promise<number> {
  const foes: (Foe | undefined)[] = [];
  let made = 0;
  while (!field.isOver()) {
    for (let i = 0; i < count && !field.isOver(); i++) {
      if (foes[i]?.isOpen) continue;
      foes[i]?.end();
      foes[i] = await make(i);
      if (foes[i]) made++;
    }
    await field.pause(100);
  }
  for (const foe of foes) foe?.end();
  return made;
}

/** `width` at a time, again and again. @returns how often */
async function hammer(
  field: Battlefield,
  width: number,
  once: (i: number) => Promise<void>,
): Promise<number> {
  let runs = 0;
  const one = async (i: number): Promise<void> => {
    while (!field.isOver()) {
      await once(i);
      runs++;
    }
  };
  await Promise.all(Array.from({ length: width }, (_, i) => one(i)));
  return runs;
}

/** 127.0.1.1, 127.0.1.2, ... */
const anyAddress = (i: number): string => `127.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`;

async function drip(foe: Foe | undefined, bytes: Bytes, field: Battlefield): Promise<void> {
  for (let at = 0; foe?.isOpen && at < bytes.length && !field.isOver(); at++) {
    foe.send(bytes.subarray(at, at + 1));
    await field.pause(1_000);
  }
}

/** Sends and waits for the end of the connection; closes when nothing ends it. */
async function strike(field: Battlefield, bytes: Bytes, isAssociated: boolean): Promise<void> {
  const foe = isAssociated ? await Foe.associated(field.plainPort) : await Foe.open(field.plainPort);
  if (!foe) return field.pause(5);
  foe.send(bytes);
  await Promise.race([foe.pdu(), foe.closed]);
  foe.end();
}

/** Sends the same for as long as the gateway takes it. @returns MB sent */
async function flood(
  field: Battlefield,
  width: number,
  first: Bytes,
  again: Bytes,
  isDeaf = false,
): Promise<string> {
  let bytes = 0;
  const count = await hammer(field, width, async () => {
    const foe = await Foe.associated(field.plainPort, {});
    if (!foe) return field.pause(20);
    if (isDeaf) foe.socket.pause();
    foe.send(first);
    while (
      !field.isOver() &&
      (await Promise.race([foe.push(again), field.pause(2_000).then(() => !isDeaf)]))
    ) {
      bytes += again.length;
      await field.pause(0);
      if (!foe.isOpen) break;
    }
    if (isDeaf) while (foe.isOpen && !field.isOver()) await field.pause(100);
    foe.end();
  });
  return `${count} associations, ${(bytes / 1e6).toFixed(0)} MB`;
}

const silent: readonly Attack[] = [
  {
    name: "300 silent connections, one address",
    run: async (field) => `${await besiege(field, 300, () => Foe.open(field.plainPort))} connections`,
  },
  {
    name: "300 silent connections, 300 addresses",
    run: async (field) =>
      `${await besiege(field, 300, (i) => Foe.open(field.plainPort, { localAddress: anyAddress(i) }))} connections`,
  },
  {
    name: "300 silent connections to the TLS port",
    run: async (field) => `${await besiege(field, 300, () => Foe.open(field.tlsPort))} connections`,
  },
  {
    name: "300 half TLS handshakes (hello, then silence)",
    run: async (field) => {
      const half = async (i: number): Promise<Foe | undefined> => {
        const foe = await Foe.open(field.tlsPort, {
          localAddress: i % 2 === 0 ? "127.0.0.1" : anyAddress(i),
        });
        foe?.send(field.clientHello);
        return foe;
      };
      return `${await besiege(field, 300, half)} connections`;
    },
  },
  {
    name: "TLS handshakes without a certificate, as fast as they go",
    run: async (field) => {
      const once = (): Promise<void> =>
        new Promise((resolve) => {
          const socket = connectTls({ host: "127.0.0.1", port: field.tlsPort, rejectUnauthorized: false });
          socket.on("error", () => undefined);
          socket.once("close", () => resolve());
          socket.once("secureConnect", () => socket.resume());
        });
      return `${await hammer(field, 8, once)} handshakes`;
    },
  },
];

const slow: readonly Attack[] = [
  {
    name: "slow-loris: A-ASSOCIATE, 1 byte/s, 64 of them",
    run: async (field) => {
      const runs = await hammer(field, 64, async () =>
        drip(await Foe.open(field.plainPort), associate(), field),
      );
      return `${runs} connections`;
    },
  },
  {
    name: "slow-loris: P-DATA header, data set, 1 byte/s, 8 associations",
    run: async (field) => {
      const runs = await hammer(field, 8, async (i) => {
        const foe = await Foe.associated(field.plainPort);
        if (!foe) return field.pause(200);
        const dataSet = dataSetPdus(3, new Uint8Array(4_000));
        if (i % 2 === 1) foe.send(storeCommand());
        await drip(foe, i % 2 === 0 ? storeCommand() : dataSet, field);
        foe.end();
      });
      return `${runs} associations`;
    },
  },
];

const grammar: readonly Attack[] = [
  {
    name: "false PDU lengths, contexts, AE titles, maximum PDUs: requests",
    run: async (field) => {
      const runs = await hammer(field, 8, async (i) => {
        for (let k = 0; k < badRequests.length && !field.isOver(); k++)
          await strike(field, badRequests[(k + i) % badRequests.length]!, false);
      });
      return `${runs * badRequests.length} connections`;
    },
  },
  {
    name: "128 contexts of 32 transfer syntaxes, repeated",
    run: async (field) => {
      const bytes = associate({ contexts: maximalContexts });
      return `${await hammer(field, 8, () => strike(field, bytes, false))} requests of ${bytes.length} bytes`;
    },
  },
  {
    name: "false PDV lengths, contexts, order: data",
    run: async (field) => {
      const runs = await hammer(field, 8, async (i) => {
        for (let k = 0; k < badData.length && !field.isOver(); k++)
          await strike(field, badData[(k + i) % badData.length]!, true);
      });
      return `${runs * badData.length} associations`;
    },
  },
];

const oneByte = new Uint8Array(1);
const floods: readonly Attack[] = [
  {
    name: "1-byte PDVs of data sets, 8 associations",
    run: (field) => {
      const body = repeated(dataPdu([3, 0, oneByte]).subarray(6), 18_000);
      return flood(field, 8, storeCommand(), pdu(4, body));
    },
  },
  {
    name: "1-byte P-DATA PDUs of data sets, 8 associations",
    run: (field) => flood(field, 8, storeCommand(), repeated(dataPdu([3, 0, oneByte]), 9_000)),
  },
  {
    name: "commands in 1-byte PDVs, without end",
    run: (field) => flood(field, 8, new Uint8Array(0), repeated(dataPdu([3, 1, oneByte]), 9_000)),
  },
  {
    name: "empty last PDVs of commands",
    run: (field) => flood(field, 8, new Uint8Array(0), repeated(dataPdu([3, 3, new Uint8Array(0)]), 9_000)),
  },
  {
    name: "refused objects in 1-byte PDVs (drained)",
    run: (field) => {
      const refused = storeCommand(3, "2.25.1", "1.2.840.10008.5.1.4.1.1.4");
      return flood(field, 8, refused, pdu(4, repeated(dataPdu([3, 0, oneByte]).subarray(6), 18_000)));
    },
  },
  {
    name: "C-ECHO pipelined without reading an answer",
    run: (field) => flood(field, 8, new Uint8Array(0), repeated(echoCommand(), 1_000), true),
  },
  {
    name: "C-ECHO pipelined, answers read",
    run: (field) => flood(field, 8, new Uint8Array(0), repeated(echoCommand(), 1_000)),
  },
  {
    name: "endless data set, beyond objectSize",
    run: (field) => {
      const first = concatBytes([storeCommand(), dataPdu([3, 0, openPixelData(0xfffffffe)])]);
      return flood(field, 8, first, dataPdu([3, 0, new Uint8Array(120_000)]));
    },
  },
];

async function isOpenFor(field: Battlefield, foe: Foe, ms: number): Promise<void> {
  await Promise.race([foe.closed, field.pause(ms)]);
}

const endings: readonly Attack[] = [
  {
    name: "connect, associate, A-ABORT: as fast as it goes",
    run: async (field) => {
      const runs = await hammer(field, 8, async () => {
        const foe = await Foe.associated(field.plainPort);
        if (!foe) return field.pause(5);
        foe.send(abortPdu);
        await foe.closed;
      });
      return `${runs} associations`;
    },
  },
  {
    name: "TCP resets and closes at every phase",
    run: async (field) => {
      const runs = await hammer(field, 8, async (i) => {
        for (const [k, phase] of phases.entries()) {
          const foe = await Foe.open(field.plainPort);
          if (!foe) continue;
          foe.send(phase);
          await field.pause((i * 3 + k) % 10);
          if ((i + k) % 2 === 0) foe.reset();
          else foe.end();
        }
      });
      return `${runs * phases.length} connections`;
    },
  },
  {
    name: "association flood, one address",
    run: async (field) => {
      const runs = await hammer(field, 64, async () => {
        const foe = await Foe.associated(field.plainPort);
        if (foe) await isOpenFor(field, foe, 500);
        foe?.end();
      });
      return `${runs} requests`;
    },
  },
  {
    name: "association flood, 250 addresses, unknown titles too",
    run: async (field) => {
      const runs = await hammer(field, 250, async (i) => {
        const calling = i % 2 === 0 ? "EVIL" : `X${i}`;
        const foe = await Foe.associated(field.plainPort, { calling }, { localAddress: anyAddress(i) });
        if (foe) await isOpenFor(field, foe, 300);
        foe?.end();
      });
      return `${runs} requests`;
    },
  },
];

const objects: readonly Attack[] = [
  {
    name: "64 MiB of an unfinished data set on each of 8 associations",
    run: async (field) => {
      const piece = dataPdu([3, 0, new Uint8Array(130_000)]);
      let held = 0;
      const made = await besiege(field, 8, async () => {
        const foe = await Foe.associated(field.plainPort);
        if (!foe) return undefined;
        foe.send(concatBytes([storeCommand(), dataPdu([3, 0, openPixelData(0x7ffffffe)])]));
        for (let sent = 0; sent < 64 << 20 && (await foe.push(piece)); sent += piece.length)
          held += piece.length;
        return foe;
      });
      return `${made} associations, ${(held / 1e6).toFixed(0)} MB`;
    },
  },
  {
    name: "tiny objects, as fast as they go, 8 associations",
    run: async (field) => {
      let stored = 0;
      await hammer(field, 8, async (i) => {
        const foe = await Foe.associated(field.plainPort);
        if (!foe) return field.pause(50);
        for (let k = 0; k < 500 && foe.isOpen && !field.isOver(); k++) {
          const uid = `2.25.${Date.now()}${i}${k}`;
          foe.send(concatBytes([storeCommand(3, uid), dataSetPdus(3, openPixelData(0, uid))]));
          if (!(await foe.pdu())) break;
          stored++;
        }
        foe.end();
      });
      return `${stored} objects`;
    },
  },
  {
    name: "all hostile data sets of the corpus, 8 associations",
    run: (field) => storeAll(field, field.hostile),
  },
  {
    name: "deflate bombs, 8 associations",
    run: (field) => storeAll(field, field.bombs),
  },
];

/** Each on an association of its own. */
async function storeAll(field: Battlefield, all: readonly HostileDataSet[]): Promise<string> {
  let answered = 0;
  let next = 0;
  await hammer(field, 8, async () => {
    const { dataSet, sopClassUid, transferSyntax } = all[next++ % all.length]!;
    const contexts = [
      { id: 3, abstractSyntax: sopClassUid, transferSyntaxes: [transferSyntax, explicitLittleEndian] },
    ];
    const foe = await Foe.associated(field.plainPort, { contexts });
    if (!foe) return field.pause(20);
    foe.send(concatBytes([storeCommand(3, `2.25.${next}`, sopClassUid), dataSetPdus(3, dataSet, 60_000)]));
    if ((await foe.pdu())?.[0] === 4) answered++;
    foe.end();
  });
  return `${answered} objects answered`;
}

export const attacks: readonly Attack[] = [...silent, ...slow, ...grammar, ...floods, ...endings, ...objects];
