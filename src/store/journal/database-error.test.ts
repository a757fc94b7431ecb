import { expect, it } from "vitest";
import { databaseError, isOfOneRow, isTransient } from "./database-error.ts";

const sqlite = (errcode: number) => Object.assign(new Error("secret"), { errcode, errstr: "disk I/O error" });
const postgres = (code: string) => Object.assign(new Error("secret"), { code, detail: "secret" });

it.each<[unknown, string, string]>([
  [sqlite(13), "storage-full", "the disk of the journal's database has no space left"],
  // SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE
  [
    sqlite(4874),
    "io",
    "the disk of the journal's database fails: it could not be read or written (SQLite 4874)",
  ],
  [
    sqlite(778),
    "io",
    "the disk of the journal's database fails: it could not be read or written (SQLite 778)",
  ],
  // SQLITE_READONLY, SQLITE_READONLY_DIRECTORY
  [
    sqlite(8),
    "io",
    "the journal's database cannot be written: the file, its folder or the disk is read-only (SQLite 8)",
  ],
  [
    sqlite(1544),
    "io",
    "the journal's database cannot be written: the file, its folder or the disk is read-only (SQLite 1544)",
  ],
  [sqlite(11), "io", "the journal's database is damaged: restore it from a backup (SQLite 11)"],
  [sqlite(5), "io", "another process holds the journal's database for too long (SQLite 5)"],
  [sqlite(1), "io", "the journal's database failed (SQLite 1: disk I/O error)"],
  [postgres("53100"), "storage-full", "the journal's database has no space left"],
  [postgres("3D000"), "io", "the journal's database does not exist on that server: create it (3D000)"],
  [postgres("28P01"), "io", "the database server does not accept the user's password (28P01)"],
  [postgres("57P03"), "io", "the database server is starting or stopping: try again (57P03)"],
  [postgres("ECONNREFUSED"), "io", "no database server listens there (ECONNREFUSED)"],
  [postgres("XX000"), "io", "the journal's database failed (XX000)"],
  [new Error("secret"), "io", "the journal's database failed (Error)"],
  ["secret", "io", "the journal's database failed (unknown)"],
])("%o is told in one sentence, without a value", (fault, code, message) => {
  expect(databaseError(fault)).toMatchObject({ code, message });
});

it("tells whose fault it was", () => {
  expect([sqlite(2067), postgres("23505"), postgres("22P05")].map(isOfOneRow)).toEqual([true, true, true]);
  // With a lost connection nobody knows what became of the transaction.
  const everybodys = [
    sqlite(13),
    sqlite(778),
    postgres("57P01"),
    postgres("ECONNRESET"),
    new Error("terminated"),
  ];
  expect(everybodys.map(isOfOneRow)).toEqual(everybodys.map(() => false));
  expect([postgres("40P01"), postgres("40001"), postgres("23505")].map(isTransient)).toEqual([
    true,
    true,
    false,
  ]);
});
