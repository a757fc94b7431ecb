/** What a gateway asks the thread that seals, and what it answers. Plain data. */
import type { SealerEvidence } from "../../../zero-trust/evidence/sealer-evidence.ts";
import type { ObjectToSeal } from "../../../zero-trust/gateway/sealer/sealer.ts";
import type { SealingSettings } from "../../../zero-trust/gateway/settings.ts";

export interface SealingQuestion {
  readonly home: string;
  readonly version: string;
  readonly object: ObjectToSeal;
  readonly settings: SealingSettings;
  /** Grows when the site's trust or a device's keys change: then the device is opened again. */
  readonly trustVersion: number;
  /** Where the sealed object is to be written: a file that is not there yet. */
  readonly path: string;
}

export type SealingAnswer =
  | { readonly kind: "sealed"; readonly bytes: number; readonly digest: string }
  | { readonly kind: "not-sealed"; readonly sealer: SealerEvidence };
