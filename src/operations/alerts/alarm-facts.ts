/** How urgent each alarm is, when it rings, and what to do first (docs/alarms.md says it at length). */
import type { AlarmName, RingRule, Severity } from "./alert.ts";

export interface AlarmFacts {
  readonly severity: Severity;
  readonly todo: string;
  readonly rule: RingRule;
}

const minute = 60_000;
const hour: number = 60 * minute;

const atOnce: RingRule = { atLeast: 1, withinMs: 0, afterMs: 0, quietMs: hour };
/** What one knock, or one archive that hiccups, is not. */
const inNumbers: RingRule = { ...atOnce, atLeast: 10, withinMs: 15 * minute };

export const alarmFacts: Readonly<Record<AlarmName, AlarmFacts>> = {
  held: {
    severity: "critical",
    todo: "scanseal quarantine list shows what is held and why; keep the modality's originals, release nothing alone",
    rule: atOnce,
  },
  "delivery-dead": {
    severity: "critical",
    todo: "the objects are safe here: repair the archive, then scanseal deliveries retry",
    rule: atOnce,
  },
  "destination-down": {
    severity: "critical",
    todo: "look at the archive and the network between; scans are taken meanwhile, and all is sent when it is back",
    // An archive that restarts is back before.
    rule: { ...atOnce, afterMs: 5 * minute },
  },
  "commitment-failed": {
    severity: "critical",
    todo: "the objects are safe here: ask the archive's administrator why it does not keep them, then scanseal deliveries retry",
    rule: atOnce,
  },
  "commitment-late": {
    severity: "warning",
    todo: "the objects are kept here until the archive answers: look whether its storage commitment works, and reaches this gate",
    rule: { ...atOnce, quietMs: 24 * hour },
  },
  "read-withheld": {
    severity: "critical",
    todo: "scanseal quarantine list shows what was returned; the archive's storage was changed: call its administrator and security",
    rule: atOnce,
  },
  "read-missing": {
    severity: "critical",
    todo: "ask the archive's administrator whether it was deleted; scanseal sweep finds what else is missing",
    rule: atOnce,
  },
  "read-unknown": {
    severity: "warning",
    todo: "find who sends to the archive past the gate; scanseal sweep lists what it has",
    rule: inNumbers,
  },
  "study-missing": {
    severity: "critical",
    todo: "HOME/sweep-reports, or scanseal sweep, names the study; ask the archive's administrator who deleted it; it is restored from its backup or from the modality",
    rule: atOnce,
  },
  "sealed-missing": {
    severity: "warning",
    todo: "HOME/sweep-reports names them; scanseal quarantine list shows whether they are held; ask the modality whether it sent them",
    rule: atOnce,
  },
  "read-failed": {
    severity: "warning",
    todo: "look at the archive and the network between; readers get notices, or nothing",
    rule: { ...inNumbers, atLeast: 5 },
  },
  emergency: {
    severity: "warning",
    todo: "scanseal emergency list; somebody else than who opened it has to review it: scanseal emergency review",
    rule: atOnce,
  },
  "emergency-unreviewed": {
    severity: "notice",
    todo: "scanseal emergency list; somebody else than who opened it: scanseal emergency review",
    // Looked at twice a day.
    rule: { ...atOnce, quietMs: 36 * hour },
  },
  "disk-low": {
    severity: "critical",
    todo: "free space on the disk of the data folder; never delete in the spool or in objects",
    rule: atOnce,
  },
  "copy-damaged": {
    severity: "critical",
    todo: "the gate's own disk fails, or somebody changed what is on it: look at both; send the object again from its source, where it is needed",
    rule: atOnce,
  },
  strangers: {
    severity: "warning",
    todo: "the log has their addresses (association-rejected): a modality that was moved, or somebody who tries doors",
    rule: inNumbers,
  },
  "objects-refused": {
    severity: "warning",
    todo: "storage: free space; a limit or quota: docs/gateway.md; nothing is lost, the sender was told",
    rule: inNumbers,
  },
  "checking-fails": {
    severity: "warning",
    todo: "scanseal quarantine list shows what could not be checked; look at the machine's memory and processors",
    rule: { ...inNumbers, atLeast: 3 },
  },
  "certificate-ending": {
    severity: "notice",
    todo: "renew it before that day: docs/keys.md, docs/gateway.md (TLS)",
    // Looked at twice a day.
    rule: { ...atOnce, quietMs: 72 * hour },
  },
  "audit-stopped": {
    severity: "warning",
    todo: "look at the syslog server and the network between (docs/audit.md); imaging goes on",
    // Told once for each time that the server goes away.
    rule: { ...atOnce, quietMs: 24 * hour },
  },
  "channel-dead": {
    severity: "warning",
    todo: "scanseal alerts test says what is wrong with it",
    rule: atOnce,
  },
  fault: {
    severity: "warning",
    todo: "the log has the same fault with its reason; scans that were acknowledged are safe",
    rule: atOnce,
  },
};
