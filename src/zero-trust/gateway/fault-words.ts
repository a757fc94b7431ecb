/** An error as an event tells it. */
import { ScansealError } from "../../foundation/errors.ts";

/** Messages of our errors carry no patient data; others' may. */
export function told(error: unknown): { readonly code: string; readonly why: string } {
  if (error instanceof ScansealError) return { code: error.code, why: error.message };
  return { code: "internal", why: error instanceof Error ? error.name : "not an error" };
}
