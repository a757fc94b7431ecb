/** The rows of test/vectors/expected.json that need time stamps: test/time-stamps/time-evidence.test.ts. */
export const timeScenarios = [
  { scenario: 42, what: "dated after the time stamp over it" },
  { scenario: 42, what: "another seal's time stamp" },
  { scenario: 42, what: "stamped only after its certificate's end" },
] as const;
