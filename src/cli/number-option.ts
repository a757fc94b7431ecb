/** Numbers of the command line. */
import { ScansealError } from "../foundation/errors.ts";

/** @throws ScansealError `usage` */
export function wholeNumber(text: string, name: string, min: number, max: number): number {
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw new ScansealError("usage", `${name} is a whole number from ${min} to ${max}`);
  return value;
}
