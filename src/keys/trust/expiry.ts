/** Warnings before certificates and CRLs run out. Pure: who sends them decides when to ask. */

/** Days before the end at which a warning rises to its next level; 0 is past the end. */
const expiryWarningDays = [60, 30, 7] as const;

export type ExpiryLevel = (typeof expiryWarningDays)[number] | 0;

export interface Expiring {
  /** What people call it. */
  readonly label: string;
  /** Milliseconds since 1970: `notAfter` of a certificate, `nextUpdate` of a CRL. */
  readonly endsAt: number;
}

export interface ExpiryWarning extends Expiring {
  /** Whole days left, rounded down; negative when past. */
  readonly daysLeft: number;
  readonly level: ExpiryLevel;
}

const dayMs = 86_400_000;

/** Everything that ends within 60 days or has ended, the most urgent first. */
export function expiryWarnings(items: readonly Expiring[], now: number): ExpiryWarning[] {
  return items
    .flatMap(({ label, endsAt }) => {
      const left = endsAt - now;
      const reached = expiryWarningDays.filter((days) => left <= days * dayMs);
      if (reached.length === 0) return [];
      const level: ExpiryLevel = left <= 0 ? 0 : reached[reached.length - 1]!;
      return [{ label, endsAt, daysLeft: Math.floor(left / dayMs), level }];
    })
    .sort((a, b) => a.endsAt - b.endsAt);
}
