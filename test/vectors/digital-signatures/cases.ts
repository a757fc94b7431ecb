/** All cases, good and bad, with what checking must find. The expectations are written by hand. */
import { alteredCases } from "./altered-cases.ts";
import type { Case, CaseKeys } from "./case.ts";
import { deceitfulCases } from "./deceitful-cases.ts";
import { honestCases } from "./honest-cases.ts";

export async function buildCases(keys: CaseKeys): Promise<readonly Case[]> {
  return [...(await honestCases(keys)), ...(await alteredCases(keys)), ...(await deceitfulCases(keys))];
}
