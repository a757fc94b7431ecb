/** The rows of test/vectors/expected.json that need two seals under one number: test/attacks/counter.test.ts. */
export const counterScenarios = [
  { scenario: 42, what: "a counter rolled back: two seals of one number" },
] as const;
