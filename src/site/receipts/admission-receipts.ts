/** Receipts of a gate: the site's key for them is opened when the first is asked for. */
import type { FileExtent } from "../../store/spool/spool.ts";
import type { Evidence } from "../../zero-trust/evidence/evidence.ts";
import type { AdmissionReceipts } from "../../zero-trust/gateway/ports.ts";
import { withExtents } from "../gateway/spooled-object.ts";
import type { SiteHome } from "../home.ts";
import { ReceivingOffice } from "./receiving-office.ts";

export class OfficeOfAdmissions implements AdmissionReceipts {
  readonly #home: SiteHome;
  readonly #version: string;
  #office: Promise<ReceivingOffice> | undefined;

  constructor(home: SiteHome, version: string) {
    this.#home = home;
    this.#version = version;
  }

  async prepare(
    extents: readonly FileExtent[],
    evidence: Evidence,
    source: string,
  ): Promise<(() => Promise<void>) | undefined> {
    const office = await this.#opened();
    return withExtents(extents, (bytes) => office.prepare(bytes, evidence, source));
  }

  #opened(): Promise<ReceivingOffice> {
    if (!this.#office) {
      const software = { name: "scanseal", version: this.#version };
      const reception = { basis: "admission" as const, source: "gate", asUnsealed: false, software };
      this.#office = ReceivingOffice.open(this.#home, reception);
      // Tried again by the next object.
      this.#office.catch(() => {
        this.#office = undefined;
      });
    }
    return this.#office;
  }

  async close(): Promise<void> {
    const office = await this.#office?.catch(() => undefined);
    await office?.close();
  }
}
