/** Port: the few calls a folder of tiles makes of a file system, so that tests can cut its power. Paths are relative to the folder, with `/`. */
import type { Bytes } from "../../../foundation/bytes.ts";

export interface LogFile {
  write(bytes: Bytes): Promise<void>;
  /** What was written survives a power cut; the file's name may not. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Errors are ScansealError `storage-full` or `io`. */
export interface LogFiles {
  /** Undefined when there is none. @param bytesMax a larger one is `io` */
  read(path: string, bytesMax: number): Promise<Bytes | undefined>;
  /** An empty file of that name, whatever was there. */
  create(path: string): Promise<LogFile>;
  /** Over what is there. */
  rename(from: string, to: string): Promise<void>;
  /** With those above it. */
  makeFolder(path: string): Promise<void>;
  /** With what is in it; no error when there is none. */
  removeFolder(path: string): Promise<void>;
  /** The names in a folder survive a power cut. @param path `.` for the folder itself */
  syncFolder(path: string): Promise<void>;
}
