/** An archive as a process: what it acknowledged is on its disk. Arguments: port, folder. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { startDimseServer } from "../../src/dicom-network/dimse/server.ts";
import type { StoreReceiver, StoreRequest } from "../../src/dicom-network/dimse/service.ts";
import { type Bytes, concatBytes } from "../../src/foundation/bytes.ts";

const [port, folder] = process.argv.slice(2) as [string, string];
const objects = join(folder, "objects");
/** Another object of a UID that is here: nobody may send that. */
const others = join(folder, "others");
const incoming = join(folder, "incoming");
for (const path of [objects, others, incoming]) mkdirSync(path, { recursive: true });
let count = 0;

function syncFolder(path: string): void {
  const handle = openSync(path, "r");
  fsyncSync(handle);
  closeSync(handle);
}

function keep(uid: string, bytes: Bytes): void {
  const name = `${uid}.${process.pid}.${count++}`;
  const temporary = join(incoming, name);
  const file = openSync(temporary, "wx");
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done);
  fsyncSync(file);
  closeSync(file);
  const path = join(objects, uid);
  try {
    linkSync(temporary, path);
    syncFolder(objects);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    if (readFileSync(path).equals(bytes)) process.stdout.write("again\n");
    else linkSync(temporary, join(others, name));
  }
  unlinkSync(temporary);
}

function receiver({ sopInstanceUid }: StoreRequest): StoreReceiver {
  const parts: Bytes[] = [];
  return {
    write: (bytes) => void parts.push(bytes.slice()),
    end: async () => {
      keep(sopInstanceUid, concatBytes(parts));
      return { code: 0 };
    },
    cancel: () => undefined,
  };
}

await startDimseServer(
  { host: "127.0.0.1", port: Number(port) },
  {
    admit: () => ({
      accept: (_, [transferSyntax]) => (transferSyntax === undefined ? { refuse: 4 } : { transferSyntax }),
    }),
    store: receiver,
  },
);
process.stdout.write("listening\n");
