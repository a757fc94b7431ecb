/** A mistyped `--from` would only look like a changed image. */
import { hasApproval } from "../site/archives/archive-approval.ts";
import type { SiteHome } from "../site/home.ts";
import { reportProblem } from "./problem.ts";

/** Says so where nothing is approved under the name. @throws ScansealError `io` */
export async function reportUnknownArchive(home: SiteHome, archive: string | undefined): Promise<void> {
  if (archive === undefined || (await hasApproval(home, archive))) return;
  reportProblem(`--from ${archive}: no archive of that name is approved here, so nothing is explained by it`);
}
