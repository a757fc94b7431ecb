import type { ArchiveLink } from "./archive-link.ts";
export async function connectArchive(..._: unknown[]): Promise<ArchiveLink> {
  throw new Error("later");
}
