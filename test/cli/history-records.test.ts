/** `scanseal history` where there are records: corrections, restored originals, receipts that others falsified, a device that lost its key. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { History, HistoryEvent } from "../../src/site/history/history.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import { problemsOfBundle } from "../vectors/fhir/r5-checker.ts";
import { makeSite, makeWorkplace, sampleFile, withoutDigests } from "./scanseal-process.ts";

const place = makeWorkplace();
const { run, path } = place;
const secret = {
  SCANSEAL_NEW_OPERATOR_PASSPHRASE: "correct horse",
  SCANSEAL_OPERATOR_PASSPHRASE: "correct horse",
};

beforeAll(() => {
  makeSite(place);
  run("seal", "scans", "--device", "CT1", "--out", "sealed");
  run("series", "close", "2.25.2");
  place.write("result.dcm", sampleFile("2.25.50"));
  const derived = ["derive", "processed", "result.dcm", "--from", "sealed/2.25.1.dcm", "--product", "Finder"];
  expect(run(...derived, "--product-version", "1.2", "--operator", "ben").status).toBe(0);
  place.runWith({ env: secret }, "operator", "add", "anna");
  const correction = ["correct", "sealed", "--study", "2.25.1", "--set", "(0010,0020)=9999", "--by", "anna"];
  expect(place.runWith({ env: secret }, ...correction, "--out", "corrected").status).toBe(0);
});

function told(asked: string): { readonly status: number | null; readonly history: History } {
  const { status, stdout } = run("history", asked, "--json");
  return { status, history: JSON.parse(stdout) as History };
}

function eventsOf({ events }: History, what: string): HistoryEvent[] {
  return events.filter((event) => event.what === what);
}

describe("a correction", () => {
  it("explains the corrected object: who approved, on what ground, and that nothing else was touched", () => {
    const { status, history } = told("corrected/2.25.1.dcm");
    expect(status).toBe(0);
    expect(history).toMatchObject({
      verdict: "verified-with-changes",
      capturedBy: { isProven: true },
      touchedSince: { text: "1 attribute changed, explained by signed records below.", isProven: true },
      series: { state: "complete", missing: [] },
    });
    const [corrected] = eventsOf(history, "corrected");
    expect(corrected).toMatchObject({ time: "T2", known: { by: "statement", trust: "trusted" } });
    expect(corrected!.text).toContain("on the word of anna");
    expect(corrected!.who.map(({ role, name }) => [role, name])).toEqual([
      ["office", "site-derivations"],
      ["operator", "anna"],
    ]);
    expect(withoutDigests(JSON.stringify(history))).not.toMatch(/9999|4711|Muster/);
  });

  it("stands in the place of the older object, which is told once", () => {
    const { status, history } = told("sealed/2.25.1.dcm");
    expect(status).toBe(1);
    expect(history.verdict).toBe("superseded");
    expect(eventsOf(history, "superseded")).toEqual([]);
    const [corrected, ...more] = eventsOf(history, "corrected");
    expect(more).toEqual([]);
    expect(corrected!.text).toContain("stands in this object's place");
  });

  it("is Provenance in FHIR, by the office that signed and the person who approved", () => {
    expect(run("history", "corrected/2.25.1.dcm", "--fhir", "corrected.json").status).toBe(0);
    const text = readFileSync(path("corrected.json"), "utf8");
    expect(problemsOfBundle(JSON.parse(text))).toEqual([]);
    expect(withoutDigests(text)).not.toMatch(/9999|4711|Muster/);
    const { entry } = JSON.parse(text) as { entry: { resource: Record<string, unknown> }[] };
    const amended = entry.filter(({ resource }) =>
      JSON.stringify(resource.activity ?? "").includes('"amend"'),
    );
    expect(amended).toHaveLength(1);
    expect(JSON.stringify(amended[0]!.resource.agent)).toMatch(/site-derivations.*anna/);
  });
});

describe("a derivation", () => {
  it("is told of what was made: from whose seal, with what product, for whom", () => {
    const { status, history } = told("result.dcm");
    // The correction came after it, and is of the whole study.
    expect([status, history.verdict]).toEqual([1, "superseded"]);
    expect(history.capturedBy).toEqual({
      text: "No seal of its own: it was made from 1 object.",
      isProven: false,
    });
    expect(history.existsSince).toMatchObject({ time: "T2", isProven: true });
    const [derived] = eventsOf(history, "derived");
    expect(derived!.text).toMatch(/it was made from another object by processing, with Finder 1\.2, for ben/);
    expect(derived!.who.map(({ name }) => name)).toEqual(["site-derivations", "Finder", "ben"]);
    expect(run("history", "result.dcm", "--fhir", "derived.json").status).toBe(1);
    const text = readFileSync(path("derived.json"), "utf8");
    expect(problemsOfBundle(JSON.parse(text))).toEqual([]);
    expect(text).toMatch(/"role": "source"/);
  });

  it("is told of what it was made from, as another object's, and is no Provenance of this one", () => {
    const { history } = told("sealed/2.25.1.dcm");
    expect(eventsOf(history, "derived")).toEqual([]);
    expect(eventsOf(history, "parent-of")[0]!.text).toContain(
      "another object was made from it by processing",
    );
    expect(run("history", "sealed/2.25.1.dcm", "--fhir", "parent.json").status).toBe(1);
    expect(readFileSync(path("parent.json"), "utf8")).not.toContain("parent-of");
  });
});

describe("records that do not hold", () => {
  it("a falsified one is told as not proven, and changes no answer", async () => {
    const journal = await openProvenanceJournal(path("scanseal-data/provenance.sqlite"));
    const [kept] = await journal.recordsOfKind("correction", 1);
    const envelope = kept!.envelope.slice();
    const text = Buffer.from(envelope).toString("latin1");
    const at = text.indexOf('"sig":"') + 40;
    envelope[at] = envelope[at] === 0x41 ? 0x42 : 0x41;
    const digest = "ee".repeat(32);
    const subject = { kind: "instance", name: "2.25.2" };
    await journal.addRecord({ ...kept!, digest, envelope }, [subject], Date.now());
    const garbage = {
      kind: "receipt",
      digest: "dd".repeat(32),
      envelope: envelope.slice(0, 100),
      opening: envelope,
    };
    await journal.addRecord(garbage, [subject], Date.now());
    await journal.close();
    const { history } = told("corrected/2.25.2.dcm");
    const faults = history.events.filter(({ fault }) => fault !== undefined);
    expect(faults.map(({ what, time }) => [what, time]).sort()).toEqual([
      ["corrected", "claimed"],
      ["recorded", "claimed"],
    ]);
    expect(history.verdict).toBe("verified-with-changes");
    const page = run("history", "corrected/2.25.2.dcm").stdout;
    expect(page.match(/✗ {2}/g)).toHaveLength(2);
    expect(page).toMatch(/Not proven: it is kept under another record's name\./);
    expect(page).toMatch(/✗ not proven/);
    expect(run("history", "corrected/2.25.2.dcm", "--fhir", "faulty.json", "--export", "faulty").status).toBe(
      0,
    );
    expect(problemsOfBundle(JSON.parse(readFileSync(path("faulty.json"), "utf8")))).toEqual([]);
    // What cannot be read, or is not what it is kept as, is not handed on.
    expect(readFileSync(path("faulty/README.txt"), "utf8")).not.toMatch(/eeeeeeeeeeee|dddddddddddd/);
  });
});

describe("what only the site's own journal knows", () => {
  it("the first sight of a seal, and its place in the log, are told as that", async () => {
    const journal = await openProvenanceJournal(path("scanseal-data/provenance.sqlite"));
    const [seal] = await journal.sealsOfInstance("2.25.3");
    const at = await journal.sight(seal!.payloadDigest, seal!, Date.now());
    await journal.close();
    const { status, history } = told("2.25.3");
    expect(status).toBe(0);
    const [seen] = eventsOf(history, "first-seen");
    const known = { by: "journal", journal: "provenance", id: seal!.payloadDigest };
    expect(seen).toMatchObject({ at: new Date(at).toISOString(), time: "T2", known });
    const [logged] = eventsOf(history, "logged");
    expect(logged!.text).toMatch(
      /^By this site's journal the seal is entry \d+ of .*, together with 2 others; /,
    );
    expect(history.contradictions).toEqual([]);
  });
});

describe("a device whose certificate was revoked", () => {
  it("is told with the time, and its seal is not proven any more", () => {
    run("authority", "revoke", "CT1", "--compromised");
    const { status, history } = told("corrected/2.25.3.dcm");
    expect(status).toBe(1);
    const [revoked] = eventsOf(history, "revoked-signer");
    expect(revoked!.text).toMatch(/^The certificate of .* was revoked \(keyCompromise\)/);
    expect(history.verdict).toBe("untrusted");
    expect(history.capturedBy).toMatchObject({
      isProven: false,
      text: expect.stringContaining("certificate-revoked"),
    });
    expect(eventsOf(history, "sealed")[0]).toMatchObject({
      time: "claimed",
      fault: expect.stringContaining("revoked"),
    });
  });
});
