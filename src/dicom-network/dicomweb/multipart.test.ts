import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Bytes, concatBytes, fromLatin1, latin1 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { boundaryOf, readMultipart } from "./multipart-reader.ts";
import { multipartType, type OutgoingPart, writeMultipart } from "./multipart-writer.ts";

const boundary = "b0";
const type = multipartType("application/dicom", boundary);

async function* chunked(bytes: Bytes, sizes: readonly number[]): AsyncGenerator<Bytes> {
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const size = sizes.length === 0 ? bytes.length : sizes[i % sizes.length]!;
    yield bytes.slice(at, at + size);
    at += size;
  }
}

async function read(
  text: string | Bytes,
  sizes: readonly number[] = [],
  contentType = type,
): Promise<string[]> {
  const bytes = typeof text === "string" ? fromLatin1(text) : text;
  const out: string[] = [];
  for await (const { headers, body } of readMultipart(contentType, chunked(bytes, sizes))) {
    const pieces: Bytes[] = [];
    for await (const piece of body) pieces.push(piece.slice());
    out.push(`${headers.get("content-type") ?? "-"}|${latin1(concatBytes(pieces))}`);
  }
  return out;
}

async function* one(bytes: Bytes): AsyncGenerator<Bytes> {
  if (bytes.length > 0) yield bytes;
}

async function written(bodies: readonly Bytes[]): Promise<Bytes> {
  async function* parts(): AsyncGenerator<OutgoingPart> {
    for (const body of bodies) yield { contentType: "application/dicom", body: one(body) };
  }
  const out: Bytes[] = [];
  for await (const piece of writeMultipart(parts(), boundary)) out.push(piece.slice());
  return concatBytes(out);
}

it("reads what it writes, however it is cut", async () => {
  const tricky = fc.constantFrom("\r\n", "--b0", "\r\n--b", "\r", "-", "\r\n--b1", "\0");
  const body = fc.array(fc.oneof(tricky, fc.string({ maxLength: 9 })), { maxLength: 8 }).map((texts) =>
    fromLatin1(
      texts
        .join("")
        .replaceAll("\r\n--b0", "")
        .replace(/[^\0-\xff]/g, "?"),
    ),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(body, { maxLength: 4 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      async (bodies, sizes) => {
        const whole = bodies.filter(
          (one) =>
            !latin1(concatBytes([fromLatin1("\r\n"), one, fromLatin1("\r\n--b0")]))
              .slice(0, -6)
              .includes("\r\n--b0"),
        );
        expect(await read(await written(whole), sizes)).toEqual(
          whole.map((one) => `application/dicom|${latin1(one)}`),
        );
      },
    ),
  );
});

describe("takes what the standard allows", () => {
  it.each([
    ["a preamble, padding and an epilogue", "hello\r\n--b0 \t\r\nA: b\r\n\r\nx\r\n--b0--\r\nbye", ["-|x"]],
    ["no headers", "--b0\r\n\r\nx\r\n--b0--", ["-|x"]],
    ["an empty body", "--b0\r\nA: b\r\n\r\n\r\n--b0--", ["-|"]],
    ["an empty body in short", "--b0\r\nA: b\r\n\r\n--b0--", ["-|"]],
    ["nothing", "--b0--", []],
    ["a boundary's beginning in a body", "--b0\r\n\r\n\r\n--b\r\n--b\r\n--b0--", ["-|\r\n--b\r\n--b"]],
  ] as const)("%s", async (_, text, expected) => {
    expect(await read(text)).toEqual(expected);
    expect(await read(text, [1])).toEqual(expected);
  });
});

describe("refuses", () => {
  it.each([
    ["no end", "--b0\r\n\r\nx"],
    ["no last boundary", "--b0\r\n\r\nx\r\n--b1--"],
    ["text after a boundary", "--b0x\r\n\r\nx\r\n--b0--"],
    ["a folded header", "--b0\r\nA: b\r\n c\r\n\r\nx\r\n--b0--"],
    ["a header twice", "--b0\r\nA: b\r\na: c\r\n\r\nx\r\n--b0--"],
    ["a line feed alone", "--b0\nA: b\n\nx\n--b0--"],
    ["headers without end", `--b0\r\n${"A".repeat(20_000)}`],
    ["a preamble without end", "x".repeat(20_000)],
    ["nothing at all", ""],
  ])("%s", async (_, text) => {
    await expect(read(text, [7])).rejects.toThrow(ScansealError);
  });

  it.each([
    "multipart/related",
    "multipart/form-data; boundary=b0",
    `multipart/related; boundary=${"b".repeat(71)}`,
    "multipart/related; boundary=b0; boundary=b1",
    'multipart/related; boundary="b0 "',
    "multipart/related; boundary=b\u00e9",
  ])("the header %s", (header) => {
    expect(() => boundaryOf(header)).toThrow(ScansealError);
  });
});

it("goes on after a body that nobody took", async () => {
  const seen: string[] = [];
  const body = fromLatin1("--b0\r\nA: 1\r\n\r\nlong\r\nbody\r\n--b0\r\nA: 2\r\n\r\nx\r\n--b0--");
  for await (const { headers, body: chunks } of readMultipart(type, chunked(body, [3]))) {
    for await (const _ of chunks) break;
    seen.push(headers.get("a") ?? "");
  }
  expect(seen).toEqual(["1", "2"]);
});

it("takes garbage for parts, or refuses it with our error alone", async () => {
  const piece = fc.constantFrom("--b0", "\r\n", "--", "A: b", " ", "x", "\r", "\n", "\0", ":");
  await fc.assert(
    fc.asyncProperty(
      fc.array(piece, { maxLength: 30 }),
      fc.integer({ min: 1, max: 9 }),
      async (pieces, size) => {
        const whole = await read(pieces.join("")).catch((error: unknown) => error);
        const cut = await read(pieces.join(""), [size]).catch((error: unknown) => error);
        if (whole instanceof Error) expect(cut).toBeInstanceOf(ScansealError);
        else expect(cut).toEqual(whole);
      },
    ),
    { numRuns: 500 },
  );
});
