/** Why somebody could not be asked over HTTP, in one or two words for the person who reads the message. */
export function unreachableReason(cause: unknown): string {
  const { name } = cause as Error;
  if (name === "TimeoutError") return "no answer in time";
  const { code } = ((cause as Error).cause ?? cause) as NodeJS.ErrnoException;
  // fetch refuses some ports and forms of addresses itself, without a code.
  return typeof code === "string" ? code : "this address cannot be used";
}
