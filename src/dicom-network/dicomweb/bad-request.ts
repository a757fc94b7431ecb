import { ScansealError } from "../../foundation/errors.ts";

/** What is answered with 400. No values in messages. */
export function badRequest(what: string): ScansealError {
  return new ScansealError("peer-protocol", `request: ${what}`);
}
