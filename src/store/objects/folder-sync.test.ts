import { describe, expect, it } from "vitest";
import { Turns } from "../../foundation/turns.ts";
import { FolderSync } from "./folder-sync.ts";

/** An fsync that ends when it is told to. */
function disk() {
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const fsync = (folder: string) => {
    begun.push(folder);
    return new Promise<void>((resolve) => ends.push(resolve));
  };
  return { begun, ends, fsync };
}

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("folders made durable", () => {
  it("who comes before the fsync begins shares it, who comes later has the next", async () => {
    const { begun, ends, fsync } = disk();
    const folders = new FolderSync(new Turns(2), fsync);
    const first = [folders.syncExisting("a"), folders.syncExisting("a"), folders.syncExisting("a")];
    await turnOfTheLoop();
    expect(begun).toEqual(["a"]);
    const late = folders.syncExisting("a");
    await turnOfTheLoop();
    expect(begun).toEqual(["a", "a"]);
    for (const end of ends) end();
    await Promise.all([...first, late]);
    const next = folders.syncExisting("a");
    await turnOfTheLoop();
    expect(begun).toHaveLength(3);
    ends[2]!();
    await next;
  });

  it("a new folder's own name is made durable once, its content each time", async () => {
    const begun: string[] = [];
    const folders = new FolderSync(new Turns(2), async (folder) => void begun.push(folder));
    await folders.sync(["r/a/b", "r/a", "r"]);
    expect(begun).toEqual(["r/a/b", "r/a", "r"]);
    await folders.sync(["r/a/b", "r/a", "r"]);
    await folders.sync(["r/a/c", "r/a", "r"]);
    expect(begun.slice(3)).toEqual(["r/a/b", "r/a/c", "r/a"]);
  });

  it("no more at once than there are turns, and a failure is told and keeps no turn", async () => {
    const { begun, ends, fsync } = disk();
    const folders = new FolderSync(new Turns(1), (folder) =>
      folder === "bad" ? Promise.reject(Object.assign(new Error("no"), { code: "EIO" })) : fsync(folder),
    );
    const bad = folders.syncExisting("bad");
    await expect(bad).rejects.toThrow("no");
    const both = [folders.syncExisting("a"), folders.syncExisting("b")];
    await turnOfTheLoop();
    expect(begun).toEqual(["a"]);
    ends[0]!();
    await turnOfTheLoop();
    expect(begun).toEqual(["a", "b"]);
    ends[1]!();
    await Promise.all(both);
  });
});
