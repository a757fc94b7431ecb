/** What went wrong, in one line on stderr that says what to do; never a stack trace. */
import { ScansealError } from "../foundation/errors.ts";
import { visibleText } from "./terminal/visible-text.ts";

/** `path` may be anybody's: what a terminal would obey is shown instead. */
export function reportProblem(text: string): void {
  process.stderr.write(`scanseal: ${visibleText(text)}\n`);
}

const systemProblems: Readonly<Record<string, string>> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is used up",
  EROFS: "the disk is read-only",
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EEXIST: "it exists already",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "the name is too long",
  EMFILE: "too many files are open",
};

/** In words, for people: "permission denied". */
export function systemProblem(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return systemProblems[code ?? ""] ?? code ?? message;
}

/** One line for whatever was thrown. */
export function problemText(error: unknown): string {
  if (error instanceof ScansealError) {
    if (error.code !== "internal") return error.message;
    return `internal error: ${error.message}; please report it`;
  }
  const { code, syscall, path } = error as NodeJS.ErrnoException;
  if (typeof code === "string" && typeof syscall === "string") {
    return `${path === undefined ? "" : `${path}: `}${systemProblem(error)} (${code})`;
  }
  return `internal error: ${error instanceof Error ? `${error.name}: ${error.message}` : "unknown"}; please report it`;
}
