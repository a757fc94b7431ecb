/** Submitters of a log, in a process of their own: each has one connection and one entry under way. Plain sockets, so that the log is what is measured. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";

const headEnd = Buffer.from("\r\n\r\n");
const ok = Buffer.from("HTTP/1.1 200");

/** @returns entries acknowledged in a second */
export async function submit(port: number, submitters: number, seconds: number): Promise<number> {
  const args = [fileURLToPath(import.meta.url), String(port), String(submitters), String(seconds)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.on("data", (part: Buffer) => {
    said += part.toString();
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error("the submitters failed");
  return Number(said);
}

/** An entry that nobody made before, behind its length. */
function requestOf(count: number, base: Buffer): Buffer {
  const head = "POST /append HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 36\r\n\r\n";
  const body = Buffer.concat([Buffer.from([0, 34, 1, 1]), base]);
  body.writeUInt32BE(count, 4);
  return Buffer.concat([Buffer.from(head), body]);
}

async function run(port: number, submitters: number, seconds: number): Promise<number> {
  const base = randomBytes(32);
  let sent = 0;
  let counted = 0;
  let isCounting = false;
  let isOver = false;
  const one = async (): Promise<void> => {
    const socket = connect(port, "127.0.0.1");
    socket.setNoDelay(true);
    await once(socket, "connect");
    const done = Promise.withResolvers<void>();
    socket.on("data", (answer: Buffer) => {
      // Answers are smaller than a packet: a head and a number.
      if (answer.compare(ok, 0, ok.length, 0, ok.length) !== 0 || answer.indexOf(headEnd) < 0)
        throw new Error(`not an acknowledgement: ${answer.toString().slice(0, 80)}`);
      if (isCounting) counted++;
      if (isOver) {
        socket.destroy();
        done.resolve();
      } else {
        socket.write(requestOf(sent++, base));
      }
    });
    socket.write(requestOf(sent++, base));
    await done.promise;
  };
  const all = Array.from({ length: submitters }, one);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  isCounting = true;
  const start = performance.now();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
  isCounting = false;
  const rate = counted / ((performance.now() - start) / 1_000);
  isOver = true;
  await Promise.all(all);
  return rate;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [port, submitters, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
  process.stdout.write(String(await run(port, submitters, seconds)));
}
