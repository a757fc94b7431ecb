/** Which of an object's findings decides what becomes of it. */
import type { StoredFinding } from "./journal.ts";

const gravity: Readonly<Record<StoredFinding["severity"], number>> = { error: 0, warning: 2, info: 4 };

/** The gravest, the first of several; at equal gravity the seal says more than the file's form does. Undefined without any. */
export function causeOf(findings: readonly StoredFinding[]): StoredFinding | undefined {
  const rank = ({ severity, layer }: StoredFinding): number =>
    gravity[severity] + (layer === "format" ? 1 : 0);
  let found: StoredFinding | undefined;
  for (const one of findings) if (!found || rank(one) < rank(found)) found = one;
  return found;
}
