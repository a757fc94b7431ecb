/** The rows of test/vectors/expected.json that need a gateway. Their tests take their names from here. */

/** test/attacks/gateway-conflicts.test.ts */
export const spoolScenarios = [
  { scenario: 47, what: "a byte in the spool, before it is judged" },
  { scenario: 47, what: "a byte in the spool, after it was judged" },
] as const;

/** test/attacks/through-the-gateway.test.ts */
export const commandScenarios = [
  { scenario: 48, what: "the command names another instance" },
  { scenario: 48, what: "the command names another class" },
] as const;

/** test/gateway/mutual-tls.test.ts: without the certificate its AE title opens nothing. */
const titleScenario = {
  scenario: 49,
  what: "the AE title of another, without its certificate",
} as const;

export const gateScenarios: readonly { readonly scenario: number; readonly what: string }[] = [
  ...spoolScenarios,
  ...commandScenarios,
  titleScenario,
];
