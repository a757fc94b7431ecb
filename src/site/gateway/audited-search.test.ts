import { expect, it } from "vitest";
import type { Query } from "../../dicom-network/query/query.ts";
import { latin1 } from "../../foundation/bytes.ts";
import { auditedSearch } from "./audited-search.ts";

const query: Query = {
  root: "study",
  level: "STUDY",
  keys: [
    { path: [0x00100010], match: { kind: "wildcard", pattern: "DOE^J*" } },
    { path: [0x00080020], match: { kind: "range", from: "20260101", to: "20260131" } },
  ],
  isEverythingAsked: false,
  offset: 0,
  limit: undefined,
};

it("a search is audited by its attributes; by what was searched for only where that is configured", () => {
  const without = latin1(auditedSearch("ward", query, false).query);
  expect(without).not.toMatch(/DOE|2026/);
  expect(without).toContain("\u0010\0\u0010\0PN\0\0");
  const whole = latin1(auditedSearch("ward", query, true).query);
  expect(whole).toContain("DOE^J*");
  expect(whole).toContain("20260101-20260131");
});
