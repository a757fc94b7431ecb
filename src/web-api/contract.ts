/** The HTTP contract of the gateway's status service: types only, shared with the console. No patient data. */

export interface StatusView {
  readonly product: string;
  readonly version: string;
  readonly startedAt: string;
  readonly aeTitle: string;
  readonly listeners: readonly {
    readonly name: string;
    readonly address: string;
    readonly port: number;
    readonly tls: boolean;
  }[];
  readonly sources: readonly { readonly name: string; readonly listener: string; readonly mode: string }[];
  readonly destinations: readonly {
    readonly name: string;
    readonly takes: string;
    readonly due: number;
    readonly dead: number;
    /** It has them, and has not committed to them; `failed`: it refused once too often. Absent where it owes nothing. */
    readonly uncommitted?: { readonly waits: number; readonly failed: number } | undefined;
    /** It cannot be reached: since when, why, and when it is tried next. */
    readonly outage?:
      | { readonly since: string; readonly why: string; readonly nextTryAt: string }
      | undefined;
    /** The configuration has it no more: nobody sends what waits for it. */
    readonly isRemoved?: boolean | undefined;
  }[];
  readonly objects: Readonly<Record<string, number>>;
  /** Of those that passed: admitted while there was no archive, and sent nowhere; up to 100,000. */
  readonly keptOnly?: number | undefined;
  /** Of those that are held: two people released them to a reading place. */
  readonly released?: number | undefined;
  readonly deliveries: Readonly<Record<string, number>>;
  /** When the oldest delivery that is still due was made. */
  readonly oldestDueAt?: string | undefined;
  /** Objects judged since the start, by verdict; "none" where the check could not be completed. */
  readonly verdicts?: Readonly<Record<string, number>> | undefined;
  readonly spool: { readonly bytes: number; readonly records: number; readonly bytesMax: number };
  readonly held: readonly HeldStudyView[];
  /** Newest first, at most 50. */
  readonly recent: readonly RecentObjectView[];
  /** That end within 60 days, or have ended: of devices, listeners, authorities, ... */
  readonly certificates?:
    | readonly {
        readonly of: string;
        readonly name: string;
        readonly endsAt: string;
        /** Whole days, negative after the end. */
        readonly daysLeft: number;
      }[]
    | undefined;
}

export interface HeldStudyView {
  readonly studyInstanceUid: string | undefined;
  readonly objects: number;
  readonly released?: number | undefined;
  readonly series: number;
  readonly verdicts: Readonly<Record<string, number>>;
  readonly sources: readonly string[];
  readonly firstAt: string;
  readonly lastAt: string;
  /** The radiologist's sentence of the gravest finding; without it the page has one for the gravest verdict. */
  readonly message?: string | undefined;
}

export interface RecentObjectView {
  readonly id: string;
  readonly receivedAt: string;
  readonly source: string;
  readonly modality: string | undefined;
  readonly state: string;
  readonly verdict: string | undefined;
  readonly disposition: string | undefined;
  /** Destinations that do not have it yet. */
  readonly waitsFor?: readonly string[] | undefined;
  /** The radiologist's sentence of the gravest finding. */
  readonly message: string | undefined;
}

/** `ready` is false while starting, draining, or when the store cannot be written. */
export interface ReadinessView {
  readonly ready: boolean;
  readonly problems: readonly string[];
  /** What keeps no scan from being taken: a destination that cannot be reached. */
  readonly warnings?: readonly string[] | undefined;
}
