/** What is wrong with a configuration file: every problem at once, each with its place and what to do about it. */

export type ConfigProblemCode =
  | "unreadable"
  | "too-large"
  | "syntax"
  | "unknown-key"
  | "duplicate-key"
  | "missing"
  | "type"
  | "value"
  | "duplicate-name"
  | "reference"
  | "conflict"
  | "file"
  | "certificate"
  | "environment"
  | "site"
  | "unknown-device"
  | "unlisted-device"
  | "exposed"
  | "never-used"
  | "secret";

export interface ConfigProblem {
  /** A warning does not keep the gateway from starting. */
  readonly level: "error" | "warning";
  readonly code: ConfigProblemCode;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** What is wrong, in one sentence. Never a value that may be a secret. */
  readonly message: string;
  readonly hint: string | undefined;
}

/** `gateway.yaml:12:5: error: ...`, as editors and people find it. */
export function problemLine(file: string, problem: ConfigProblem): string {
  const { level, line, column, message, hint } = problem;
  const advice = hint === undefined ? "" : ` (${hint})`;
  return `${file}:${line}:${column}: ${level}: ${message}${advice}`;
}

/** A file that is wrong in every line is told so in a hundred. */
const problemsMax = 100;

/** Offset of a character in the file -> line and column. */
export type PlaceOf = (offset: number) => { readonly line: number; readonly column: number };

export class ProblemList {
  readonly #found: (ConfigProblem & { readonly offset: number })[] = [];
  readonly #placeOf: PlaceOf;
  #errors = 0;

  constructor(placeOf: PlaceOf) {
    this.#placeOf = placeOf;
  }

  get hasErrors(): boolean {
    return this.#errors > 0;
  }

  error(code: ConfigProblemCode, offset: number, message: string, hint?: string): void {
    this.#errors++;
    this.#add("error", code, offset, message, hint);
  }

  warn(code: ConfigProblemCode, offset: number, message: string, hint?: string): void {
    this.#add("warning", code, offset, message, hint);
  }

  #add(
    level: ConfigProblem["level"],
    code: ConfigProblemCode,
    offset: number,
    message: string,
    hint: string | undefined,
  ): void {
    if (this.#found.length >= problemsMax) return;
    this.#found.push({ level, code, offset, ...this.#placeOf(offset), message, hint });
  }

  /** In the order of the file. */
  all(): ConfigProblem[] {
    return [...this.#found].sort((a, b) => a.offset - b.offset).map(({ offset: _, ...problem }) => problem);
  }
}
