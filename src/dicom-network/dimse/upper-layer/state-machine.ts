/** The state machine of PS3.8 section 9.2 as data: table 9-10, laid out as it is printed there. */

/** Sta1 idle; 2 to 5 association establishment; 6 data transfer; 7 to 12 release; 13 awaiting the close of the connection. */
export type State = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13;

/** PS3.8 table 9-10, in its order: the first is event 1. */
export const events = [
  "associate-request",
  "transport-confirm",
  "associate-ac-pdu",
  "associate-rj-pdu",
  "transport-indication",
  "associate-rq-pdu",
  "associate-accept",
  "associate-reject",
  "data-request",
  "data-pdu",
  "release-request",
  "release-rq-pdu",
  "release-rp-pdu",
  "release-response",
  "abort-request",
  "abort-pdu",
  "transport-closed",
  "artim-expired",
  "invalid-pdu",
] as const;

export type UpperLayerEvent = (typeof events)[number];

/** PS3.8 tables 9-6 to 9-9. */
export type Action =
  | `AE-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`
  | `DT-${1 | 2}`
  | `AR-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10}`
  | `AA-${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8}`;

export interface Transition {
  readonly action: Action;
  /** Two where the action chooses: AE-6 (3 acceptable, 13 rejected), AR-8 (9 requestor, 10 acceptor). */
  readonly next: readonly [State] | readonly [State, State];
}

/** One row for each event, one column for each state; "-" where nothing can or may happen. */
const table: readonly string[] = [
  //Sta1    2          3       4       5       6       7          8       9        10       11      12      13
  "AE-1/4   -          -       -       -       -       -          -       -        -        -       -       -",
  "-        -          -       AE-2/5  -       -       -          -       -        -        -       -       -",
  "-        AA-1/13    AA-8/13 -       AE-3/6  AA-8/13 AA-8/13    AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-6/13",
  "-        AA-1/13    AA-8/13 -       AE-4/1  AA-8/13 AA-8/13    AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-6/13",
  "AE-5/2   -          -       -       -       -       -          -       -        -        -       -       -",
  "-        AE-6/3/13  AA-8/13 -       AA-8/13 AA-8/13 AA-8/13    AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-7/13",
  "-        -          AE-7/6  -       -       -       -          -       -        -        -       -       -",
  "-        -          AE-8/13 -       -       -       -          -       -        -        -       -       -",
  "-        -          -       -       -       DT-1/6  -          AR-7/8  -        -        -       -       -",
  "-        AA-1/13    AA-8/13 -       AA-8/13 DT-2/6  AR-6/7     AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-6/13",
  "-        -          -       -       -       AR-1/7  -          -       -        -        -       -       -",
  "-        AA-1/13    AA-8/13 -       AA-8/13 AR-2/8  AR-8/9/10  AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-6/13",
  "-        AA-1/13    AA-8/13 -       AA-8/13 AA-8/13 AR-3/1     AA-8/13 AA-8/13  AR-10/12 AR-3/1  AA-8/13 AA-6/13",
  "-        -          -       -       -       -       -          AR-4/13 AR-9/11  -        -       AR-4/13 -",
  "-        -          AA-1/13 AA-2/1  AA-1/13 AA-1/13 AA-1/13    AA-1/13 AA-1/13  AA-1/13  AA-1/13 AA-1/13 -",
  "-        AA-2/1     AA-3/1  -       AA-3/1  AA-3/1  AA-3/1     AA-3/1  AA-3/1   AA-3/1   AA-3/1  AA-3/1  AA-2/1",
  "-        AA-5/1     AA-4/1  AA-4/1  AA-4/1  AA-4/1  AA-4/1     AA-4/1  AA-4/1   AA-4/1   AA-4/1  AA-4/1  AR-5/1",
  "-        AA-2/1     -       -       -       -       -          -       -        -        -       -       AA-2/1",
  "-        AA-1/13    AA-8/13 -       AA-8/13 AA-8/13 AA-8/13    AA-8/13 AA-8/13  AA-8/13  AA-8/13 AA-8/13 AA-7/13",
];

const transitions: ReadonlyMap<UpperLayerEvent, readonly (Transition | undefined)[]> = new Map(
  events.map((event, row) => [event, table[row]!.split(/ +/).map(transitionOf)]),
);

function transitionOf(cell: string): Transition | undefined {
  if (cell === "-") return undefined;
  const [action, ...next] = cell.split("/");
  return { action: action as Action, next: next.map(Number) as [State] | [State, State] };
}

/** What an event does in a state; undefined where table 9-10 is empty. */
export function transition(state: State, event: UpperLayerEvent): Transition | undefined {
  return transitions.get(event)![state - 1];
}
