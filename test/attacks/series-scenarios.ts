/** The rows of test/vectors/expected.json that need a whole series: test/attacks/series.test.ts. */
export const seriesScenarios = [
  { scenario: 45, what: "slices deleted" },
  { scenario: 45, what: "a slice duplicated" },
  { scenario: 45, what: "two slices exchanged" },
  { scenario: 46, what: "a validly sealed slice of another series" },
] as const;
