/** Warnings before certificates run out, on stderr: 60, 30 and 7 days ahead, and after. */
import type { SiteHome } from "../site/home.ts";
import { reportProblem } from "./problem.ts";

export function reportExpiry(home: SiteHome): void {
  for (const { label, daysLeft } of home.expiryWarnings()) {
    const when = daysLeft < 0 ? "has ended" : `ends in ${daysLeft} ${daysLeft === 1 ? "day" : "days"}`;
    reportProblem(`${label} ${when}`);
  }
}
