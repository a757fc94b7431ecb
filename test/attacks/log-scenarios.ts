/** The rows of test/vectors/expected.json that need a transparency log: test/attacks/log.test.ts. */
export const logScenarios = [
  { scenario: 43, what: "a checkpoint that the witnesses did not cosign" },
  { scenario: 43, what: "inclusion left out" },
  { scenario: 43, what: "another seal's inclusion" },
] as const;
