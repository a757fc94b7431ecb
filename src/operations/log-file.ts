/**
 * Lines on their way into a file or a pipe, gathered for a moment and written in their order by this thread alone: of a write that another thread has
 * in its hands, nobody can tell at the exit whether it was done.
 */
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";

/** Waiting for a reader that does not read; above it lines are dropped, never the gateway stopped. */
const pendingBytesMax: number = 4 << 20;
/** Lines of a busy moment are written together: a call of the system costs more than the line. */
const gatheredBytes: number = 8 << 10;
const gatheredMs = 20;
/** For a reader that is slow, when the process ends. */
const exitMs = 1_000;
const exitLookMs = 5;

export class LogFile {
  readonly #fd: number;
  #line = "";
  readonly #chunks: Uint8Array[] = [];
  /** Of the chunks. */
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param to a path (appended to), or an open descriptor @throws the system's error when the file cannot be opened */
  constructor(to: string | number) {
    this.#fd = typeof to === "number" ? withoutWaiting(to) : openSync(to, "a", 0o640);
    process.once("exit", () => this.#end());
  }

  write(line: string): void {
    if (this.#bytes + this.#line.length > pendingBytesMax) return;
    this.#line += line;
    // What is full is tried again when the time has come.
    if (this.#line.length >= gatheredBytes && this.#bytes === 0) this.#flush();
    this.#flushSoon();
  }

  #flushSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, gatheredMs).unref();
  }

  /** As much as is taken now. */
  #flush(): void {
    if (this.#line !== "") {
      const bytes = Buffer.from(this.#line);
      this.#chunks.push(bytes);
      this.#bytes += bytes.length;
      this.#line = "";
    }
    try {
      for (let chunk = this.#chunks[0]; chunk; chunk = this.#chunks[0]) {
        const written = writeSync(this.#fd, chunk);
        this.#bytes -= written;
        if (written === chunk.length) this.#chunks.shift();
        else this.#chunks[0] = chunk.subarray(written);
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") {
        this.#flushSoon();
        return;
      }
      // A reader that went away (EPIPE) or a full disk ends these lines, not the gateway.
      this.#chunks.length = 0;
      this.#bytes = 0;
    }
  }

  #end(): void {
    const until = performance.now() + exitMs;
    this.#flush();
    const pause = new Int32Array(new SharedArrayBuffer(4));
    while (this.#bytes > 0 && performance.now() < until) {
      Atomics.wait(pause, 0, 0, exitLookMs);
      this.#flush();
    }
  }
}

/** Kept, or the descriptor is closed with it. */
const opened: Socket[] = [];

/** A pipe or a terminal whose reader does not read would stop us: from now on it says so instead. A file has no such reader. */
function withoutWaiting(fd: number): number {
  const stats = fstatSync(fd);
  try {
    // Node makes a pipe one that does not wait, and leaves it so; nothing is written through it.
    if (stats.isFIFO() || stats.isSocket()) opened.push(new Socket({ fd, readable: false, writable: true }));
    else if (stats.isCharacterDevice())
      return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Another system: it waits.
  }
  return fd;
}
