/** Port: the few calls the spool makes of a disk, so that tests can cut its power, fill it and make it fail. */
import type { Bytes } from "../../foundation/bytes.ts";

/** Errors of both interfaces are ScansealError `storage-full` (no space, quota) or `io` (everything else, read-only disks included). */
export interface DiskFile {
  /** All of the bytes, or an error: then any part of them may be on the disk. The bytes must stay as they are until then. */
  write(bytes: Bytes, offset: number): Promise<void>;
  /** The same, and what it wrote survives a power cut when it ends: no `datasync` is needed for it, and none is implied for anything else. */
  writeThrough(bytes: Bytes, offset: number): Promise<void>;
  /** Fills `into`; a range beyond the end is `io`. */
  read(into: Bytes, offset: number): Promise<void>;
  size(): Promise<number>;
  /** What was written before the call, and the file's length, survive a power cut. */
  datasync(): Promise<void>;
  close(): Promise<void>;
}

/** Held by one spool, of whatever process. */
export interface FolderClaim {
  release(): void;
}

export interface Disk {
  /** Makes the folder for its owner alone, and claims it. @throws ScansealError `io` when another has it, `key-unusable` when others may enter it */
  claim(folder: string): Promise<FolderClaim>;
  /** Names of the folder's files. */
  list(folder: string): Promise<readonly string[]>;
  /** A file that was not there before, readable by its owner alone. */
  create(path: string): Promise<DiskFile>;
  /** An existing regular file, never through a link. */
  open(path: string): Promise<DiskFile>;
  unlink(path: string): Promise<void>;
  /** The names of the files in a folder survive a power cut. */
  syncFolder(folder: string): Promise<void>;
  /** Bytes that may still be written on this disk. */
  freeBytes(folder: string): Promise<number>;
}
