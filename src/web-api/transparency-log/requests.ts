/** Small bodies and small answers. */
import type { Bytes } from "../../foundation/bytes.ts";

export function plainAnswer(status: number, text: string): Response {
  return new Response(`${text}\n`, {
    status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
    },
  });
}

/** The body, or the answer that refuses it. A length must be told before, so that nothing is read of what is too large. */
export async function boundedBody(request: Request, bytesMax: number): Promise<Bytes | Response> {
  const length = request.headers.get("content-length");
  if (length === null || request.headers.has("transfer-encoding"))
    return plainAnswer(411, "A request here says how long its body is.");
  if (!/^[0-9]{1,9}$/.test(length) || Number(length) > bytesMax)
    return plainAnswer(413, "The body is too large.");
  try {
    return new Uint8Array(await request.arrayBuffer());
  } catch {
    return plainAnswer(400, "The body ended too early.");
  }
}
