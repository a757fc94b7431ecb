/** An outcome as test/vectors/expected.json says it. */
import type { Finding } from "../../src/zero-trust/policy/verdict.ts";
import type { Judged } from "./fixture.ts";

export interface ExpectedOutcome {
  readonly verdict: string;
  /** The finding that decides, or for a quiet verdict the first one worth a word. */
  readonly code?: string | undefined;
  /** Where: a tag, or a path where the tag alone does not say it. */
  readonly at?: string | undefined;
}

/** These say how a file was handled, or what was there before. */
const asides: ReadonlySet<string> = new Set([
  "hidden-bytes",
  "signature-transcoded",
  "signature-vr-lost",
  "signature-missing",
]);

function whereOf({ location }: Finding): string | undefined {
  return location.path ?? location.tag;
}

/** The gravest finding first; what concerns pixels before what concerns the file. */
export function outcomeOf({ decision }: Judged): ExpectedOutcome {
  const order = { error: 0, warning: 1, info: 2 } as const;
  const telling = [...decision.findings].sort((a, b) => order[a.severity] - order[b.severity]);
  const found =
    telling.find(({ code }) => !asides.has(code)) ??
    (decision.verdict === "verified" ? undefined : telling[0]);
  const at = found && whereOf(found);
  return {
    verdict: decision.verdict,
    ...(found ? { code: found.code } : {}),
    ...(at === undefined ? {} : { at }),
  };
}
