/** What readers ask for, in their words and in hostile ones. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { writeJsonArray } from "../../dicom/json/json-text.ts";
import { concatBytes, fromUtf8 } from "../../foundation/bytes.ts";
import { ScansealError } from "../../foundation/errors.ts";
import { isUtf8Accepted, negotiate } from "./accept.ts";
import { readQueryParameters } from "./query-parameters.ts";
import { readRenderedParameters, readWadoUri } from "./rendered-parameters.ts";
import { parseResource } from "./resource.ts";
import { failureReason, storeResponse } from "./store-response.ts";

const malformed = expect.objectContaining({ code: "peer-protocol" });

/** Ours, or no error at all. */
function onlyOurs(body: () => unknown): void {
  try {
    body();
  } catch (error) {
    expect(error).toBeInstanceOf(ScansealError);
  }
}

describe("paths", () => {
  const instance = "/studies/1.2/series/1.3/instances/1.4";
  const scope = { study: "1.2", series: "1.3", instance: "1.4" };

  it.each([
    ["/studies", { kind: "collection", level: "STUDY", scope: {} }],
    ["/series", { kind: "collection", level: "SERIES", scope: {} }],
    ["/instances", { kind: "collection", level: "IMAGE", scope: {} }],
    ["/studies/1.2/series", { kind: "collection", level: "SERIES", scope: { study: "1.2" } }],
    ["/studies/1.2/instances", { kind: "collection", level: "IMAGE", scope: { study: "1.2" } }],
    ["/studies/1.2", { kind: "objects", scope: { study: "1.2" } }],
    ["/studies/1.2/metadata", { kind: "metadata", scope: { study: "1.2" } }],
    ["/studies/1.2/series/1.3/thumbnail", { kind: "thumbnail", scope: { study: "1.2", series: "1.3" } }],
    [instance, { kind: "objects", scope }],
    [`${instance}/rendered`, { kind: "rendered", scope }],
    [`${instance}/frames/3,1`, { kind: "frames", scope, frames: [3, 1], form: "bytes" }],
    [`${instance}/frames/1%2C2/rendered`, { kind: "frames", scope, frames: [1, 2], form: "rendered" }],
    [`${instance}/bulkdata`, { kind: "bulkdata", scope, path: undefined }],
    [`${instance}/bulkdata/7fe00010`, { kind: "bulkdata", scope, path: "7FE00010" }],
    [`${instance}/bulkdata/54000100/0/54001010`, { kind: "bulkdata", scope, path: "54000100/0/54001010" }],
  ])("%s", (path, resource) => expect(parseResource(path)).toEqual(resource));

  it.each([
    "",
    "studies",
    "/",
    "//studies",
    "/patients",
    "/series/1.2",
    "/studies/1.2/",
    "/studies/1.2/frames/1",
    "/studies/1.2/metadata/x",
    `${instance}/frames/1/x`,
    `/studies/${"1".repeat(9000)}`,
  ])("%s is nobody's", (path) => expect(parseResource(path)).toBeUndefined());

  it.each([
    "/studies/",
    "/studies/..",
    "/studies/1..2",
    "/studies/%2e%2e",
    "/studies/1.2%2f..",
    `/studies/${"1".repeat(65)}`,
    "/studies/1.2/series//instances",
    `${instance}/frames/`,
    `${instance}/frames/0`,
    `${instance}/frames/1,1`,
    `${instance}/frames/2147483648`,
    `${instance}/bulkdata/../../x`,
    `${instance}/bulkdata/7FE00010/0`,
  ])("%s is refused", (path) => expect(() => parseResource(path)).toThrow(malformed));

  it("of anything at all give a well-formed resource, nothing, or our error", () => {
    const word = fc.constantFrom(
      "studies",
      "series",
      "instances",
      "frames",
      "bulkdata",
      "1.2",
      "..",
      "1,2",
      "",
    );
    const path = fc.array(fc.oneof(word, fc.string()), { maxLength: 9 }).map((all) => `/${all.join("/")}`);
    fc.assert(
      fc.property(path, (text) =>
        onlyOurs(() => {
          for (const uid of Object.values(parseResource(text)?.scope ?? {}))
            expect(uid).toMatch(/^\d+(\.\d+)*$/);
        }),
      ),
    );
  });
});

describe("a search's parameters", () => {
  const read = (text: string, level: "STUDY" | "SERIES" | "IMAGE" = "STUDY", scope = {}) =>
    readQueryParameters(level, scope, new URLSearchParams(text));
  const asked = (text: string) => read(text).query.keys.filter(({ match }) => match.kind !== "universal");

  it.each([
    ["PatientName=DOE*", [0x00100010], { kind: "wildcard", pattern: "DOE*" }],
    ["00100020=17", [0x00100020], { kind: "single", value: "17" }],
    ["StudyDate=20240101-20241231", [0x00080020], { kind: "range", from: "20240101", to: "20241231" }],
    ["StudyTime=-1200", [0x00080030], { kind: "range", to: "1200" }],
    ["StudyInstanceUID=1.2,1.3", [0x0020000d], { kind: "uids", values: ["1.2", "1.3"] }],
    [
      "RequestAttributesSequence.ScheduledProcedureStepID=A1",
      [0x00400275, 0x00400009],
      { kind: "single", value: "A1" },
    ],
    ["00400275.00400009=A1", [0x00400275, 0x00400009], { kind: "single", value: "A1" }],
    ["Rows=0512", [0x00280010], { kind: "single", value: "512" }],
  ])("%s", (text, path, match) => expect(asked(text)).toEqual([{ path, match }]));

  it("say what is returned, how much, and from where", () => {
    const { query, isFuzzyAsked } = read(
      "includefield=StudyDescription,00100020&includefield=all&limit=5&offset=10&fuzzymatching=true&accept=x",
    );
    expect(query).toMatchObject({
      root: "study",
      level: "STUDY",
      isEverythingAsked: true,
      limit: 5,
      offset: 10,
    });
    expect(isFuzzyAsked).toBe(true);
    const paths = query.keys.map(({ path }) => path[0]);
    expect(paths).toContain(0x00081030);
    expect(paths).toContain(0x00201208);
    expect(new Set(paths).size).toBe(paths.length);
  });

  it("are of the path's scope, whose levels are not told again", () => {
    const { keys } = read("", "IMAGE", { study: "1.2", series: "1.3" }).query;
    expect(keys).toContainEqual({ path: [0x0020000d], match: { kind: "single", value: "1.2" } });
    expect(keys).toContainEqual({ path: [0x0020000e], match: { kind: "single", value: "1.3" } });
    const tags = keys.map(({ path }) => path[0]);
    expect(tags).toContain(0x00080018);
    expect(tags).not.toContain(0x00100010);
    expect(read("", "IMAGE").query.keys.map(({ path }) => path[0])).toContain(0x00100010);
  });

  it.each([
    "PatientNom=x",
    "00091001=x",
    "PatientID=1&PatientID=2",
    "StudyInstanceUID=1.2&0020000D=1.3",
    "StudyInstanceUID=../..",
    "StudyDate=yesterday",
    "limit=-1",
    "limit=1&limit=2",
    "offset=1e9",
    "limit=99999999999",
    "fuzzymatching=maybe",
    "PatientName.PatientID=1",
    "00400275.00400275.00400009=1",
    "emptyvaluematching=true",
    "PixelData=1",
    `PatientID=${"x".repeat(8193)}`,
    `${"includefield=PatientID&".repeat(257)}`,
  ])("%s is refused", (text) => expect(() => read(text)).toThrow(malformed));

  it("do not go beyond the path's study", () => {
    expect(() => read("StudyInstanceUID=1.9", "SERIES", { study: "1.2" })).toThrow(malformed);
    expect(read("StudyInstanceUID=1.2", "SERIES", { study: "1.2" }).query.keys).toContainEqual({
      path: [0x0020000d],
      match: { kind: "single", value: "1.2" },
    });
  });

  it("of anything at all give a query or our error", () => {
    const name = fc.oneof(
      fc.constantFrom(
        "PatientName",
        "StudyDate",
        "limit",
        "includefield",
        "00080061",
        "Rows",
        "00400275.00400009",
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.string()), { maxLength: 5 }), (pairs) =>
        onlyOurs(() => readQueryParameters("STUDY", {}, pairs)),
      ),
    );
  });
});

describe("what is accepted", () => {
  const parts = { type: "application/dicom", isMultipart: true };
  const single = { type: "application/dicom", isMultipart: false };
  const json = { type: "application/dicom+json", isMultipart: false };
  const explicit = "1.2.840.10008.1.2.1";
  const jpeg = "1.2.840.10008.1.2.4.70";

  it.each([
    [undefined, undefined, parts, "any"],
    ["*/*", undefined, parts, "any"],
    ["multipart/related; type=application/dicom", undefined, parts, [explicit]],
    ['multipart/related; type="application/dicom"; transfer-syntax=*', undefined, parts, "any"],
    [
      `multipart/related;type="application/dicom";transfer-syntax=${explicit};q=0.5, multipart/related;type="application/dicom";transfer-syntax=${jpeg}`,
      undefined,
      parts,
      [jpeg, explicit],
    ],
    ["application/dicom; transfer-syntax=*", undefined, single, "any"],
    ["application/dicom+json;q=0.9, */*;q=0.1", undefined, json, [explicit]],
    ["*/*, multipart/related;type=application/dicom;q=0, application/dicom;q=0", undefined, json, "any"],
    ["text/html", "application/dicom+json", json, [explicit]],
    ["multipart/related; type=application/*", undefined, parts, [explicit]],
  ])("%s and %s", (header, parameter, offer, transferSyntaxes) =>
    expect(negotiate(header, parameter, [parts, single, json])).toEqual({ offer, transferSyntaxes }),
  );

  it.each(["text/html", "image/*", "multipart/related; type=image/jpeg", "*/*;q=0"])("%s is 406", (header) =>
    expect(negotiate(header, undefined, [parts, json])).toBeUndefined(),
  );

  it.each(["x", "*/*;q=2", "application/dicom;transfer-syntax=x"])("%s is refused", (header) =>
    expect(() => negotiate(header, undefined, [single])).toThrow(malformed),
  );

  it("of anything at all is an offer, 406, or our error", () => {
    const word = fc.constantFrom(
      "*/*",
      "application/dicom",
      "multipart/related",
      ";type=",
      ";q=0.5",
      ";transfer-syntax=*",
      ",",
      '"',
    );
    const header = fc.array(fc.oneof(word, fc.string()), { maxLength: 8 }).map((all) => all.join(""));
    fc.assert(fc.property(header, (text) => onlyOurs(() => negotiate(text, undefined, [parts, json]))));
  });

  it("in text is UTF-8", () => {
    expect(["", undefined, "iso-8859-1, utf-8;q=0.5", "*"].every(isUtf8Accepted)).toBe(true);
    expect(isUtf8Accepted("iso-8859-1")).toBe(false);
  });
});

describe("what is rendered", () => {
  it("has a window, a viewport and a quality", () => {
    const text = "window=40,400,sigmoid&viewport=512,256,0,0,100.5,50&quality=90&annotation=patient";
    expect(readRenderedParameters(new URLSearchParams(text))).toEqual({
      quality: 90,
      viewport: { width: 512, height: 256 },
      region: { x: 0, y: 0, width: 100.5, height: 50 },
      window: { center: 40, width: 400, function: "sigmoid" },
      annotations: ["patient"],
    });
  });

  it.each([
    "quality=0",
    "quality=101",
    "viewport=1",
    "viewport=99999,1",
    "viewport=1,1,1",
    "viewport=1,1,0,0,-1,1",
    "window=1",
    "window=1,0",
    "window=1,2,cubic",
    "window=1,2,linear,3",
    "quality=1&quality=2",
    "annotation=x",
  ])("%s is refused", (text) =>
    expect(() => readRenderedParameters(new URLSearchParams(text))).toThrow(malformed),
  );

  const wado = "requestType=WADO&studyUID=1.2&seriesUID=1.3&objectUID=1.4";
  it("is asked for by WADO-URI too", () => {
    const asked = `${wado}&contentType=image/png&frameNumber=2&rows=64&windowCenter=1&windowWidth=2`;
    expect(readWadoUri(new URLSearchParams(asked))).toMatchObject({
      scope: { study: "1.2", series: "1.3", instance: "1.4" },
      contentType: "image/png",
      frame: 2,
      rendered: { viewport: { height: 64 }, window: { center: 1, width: 2 } },
    });
  });

  it.each([
    "",
    wado.replace("WADO", "wado"),
    wado.replace("1.3", ".."),
    `${wado}&anonymize=yes`,
    `${wado}&frameNumber=0`,
    `${wado}&windowCenter=1`,
    `${wado}&transferSyntax=x`,
    `${wado}&objectUID=1.5`,
  ])("%s is refused", (text) => expect(() => readWadoUri(new URLSearchParams(text))).toThrow(malformed));
});

describe("a store's answer", () => {
  const of = (
    sopInstanceUid: string | undefined,
    outcome: Parameters<typeof storeResponse>[0][0]["outcome"],
  ) => ({
    sopClassUid: sopInstanceUid && "1.1",
    sopInstanceUid,
    outcome,
  });
  const good = of("1.4", { kind: "stored", retrieveUrl: "https://x/studies/1.2" });
  const bad = of("1.5", { kind: "failed", reason: failureReason.processingFailure });
  const unread = of(undefined, { kind: "failed", reason: failureReason.cannotUnderstand });

  it("has the status of its instances", () => {
    const warned = of("1.6", { kind: "warned", reason: 0xb000 });
    const statuses = [[], [good], [good, bad], [warned], [bad], [unread]].map(
      (all) => storeResponse(all, "u").status,
    );
    expect(statuses).toEqual([400, 200, 202, 202, 409, 409]);
  });

  it("names what was stored, what was not and why, and counts what has no name", () => {
    expect(storeResponse([good, bad, unread], "https://x/studies/1.2").dataSet).toEqual({
      "00081190": { vr: "UR", Value: ["https://x/studies/1.2"] },
      "00081198": {
        vr: "SQ",
        Value: [
          {
            "00081150": { vr: "UI", Value: ["1.1"] },
            "00081155": { vr: "UI", Value: ["1.5"] },
            "00081197": { vr: "US", Value: [272] },
          },
        ],
      },
      "00081199": {
        vr: "SQ",
        Value: [
          {
            "00081150": { vr: "UI", Value: ["1.1"] },
            "00081155": { vr: "UI", Value: ["1.4"] },
            "00081190": { vr: "UR", Value: ["https://x/studies/1.2"] },
          },
        ],
      },
      "0008119A": { vr: "SQ", Value: [{ "00081197": { vr: "US", Value: [0xc000] } }] },
    });
  });
});

it("an array is written match by match, control characters escaped", async () => {
  const matches = [{ "00100010": { vr: "PN", Value: [{ Alphabetic: "a\u0001\n\u00e9\ud800" }] } }, {}];
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeJsonArray(matches)) chunks.push(chunk);
  const text = fromUtf8(concatBytes(chunks));
  expect(text).toContain("a\\u0001\\né\\ud800");
  expect(chunks).toHaveLength(3);
  expect(JSON.parse(text)).toEqual(matches);
});
