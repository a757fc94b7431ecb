/** What every journal does, whatever is behind it. */
import { afterEach, beforeEach, describe, it } from "vitest";
import type { Journal } from "../../src/store/journal/journal.ts";
import { deliveryCases } from "./journal-delivery-cases.ts";
import type { JournalHarness } from "./journal-fixture.ts";
import { judgementCases } from "./journal-judgement-cases.ts";
import { quarantineCases } from "./journal-quarantine-cases.ts";
import { questionCases, valueCases } from "./journal-question-cases.ts";
import { workCases } from "./journal-work-cases.ts";

/** The journals of the test that runs. */
export interface JournalUnderTest {
  readonly journal: Journal;
  /** One more connection, as of another gateway. */
  another(): Promise<Journal>;
}

/** Title -> test. */
export type JournalCases = Readonly<Record<string, (under: JournalUnderTest) => Promise<void>>>;

export function journalSuite(start: () => Promise<JournalHarness>): void {
  let harness: JournalHarness;
  let journal: Journal;
  const under: JournalUnderTest = {
    get journal() {
      return journal;
    },
    another: () => harness.open(),
  };
  beforeEach(async () => {
    harness = await start();
    journal = await harness.open();
  });
  afterEach(() => harness.close());

  describe("received objects and claims", () => addCases(under, workCases));
  describe("judgements", () => addCases(under, judgementCases));
  describe("deliveries", () => addCases(under, deliveryCases));
  describe("quarantine and records", () => addCases(under, quarantineCases));
  describe("questions", () => addCases(under, questionCases));
  describe("values of hostile objects", () => addCases(under, valueCases));
}

function addCases(under: JournalUnderTest, cases: JournalCases): void {
  for (const [title, body] of Object.entries(cases)) it(title, () => body(under));
}
