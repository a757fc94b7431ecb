/** `scanseal quarantine` and `operator` where there is no gateway, or none that can be read. */
import { describe, expect, it } from "vitest";
import { makeWorkplace, oneLine, type Run } from "../cli/scanseal-process.ts";

const place = makeWorkplace();

function refused({ status, stderr }: Run): string {
  expect(status).toBe(2);
  expect(stderr).toMatch(oneLine);
  return stderr;
}

describe("without a gateway", () => {
  it("the configuration's absence and its errors are told", () => {
    expect(refused(place.run("quarantine", "list", "--config", "none.yaml"))).toContain("configuration");
    place.write("broken.yaml", "aeTitle: 7\n");
    const { status, stderr } = place.run("quarantine", "list", "--config", "broken.yaml");
    expect(status).toBe(2);
    expect(stderr).toMatch(/^broken\.yaml:1:/);
    expect(refused(place.run("operator", "list", "--home", "nowhere"))).toContain("no site");
  });
});
