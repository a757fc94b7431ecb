/** A site with two devices that seal whole series of the corpus, and what a verifier says of folders of them. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Edit } from "../../src/dicom/splice.ts";
import { enrolLocally } from "../../src/keys/custody/local-enrolment.ts";
import { nodeRandom } from "../../src/platform/node/crypto.ts";
import { openDeviceSealing } from "../../src/site/device-sealing.ts";
import { createHome, type SiteHome } from "../../src/site/home.ts";
import { OutputFolder } from "../../src/site/output-folder.ts";
import { writeKeyObject } from "../../src/site/provenance/key-object-run.ts";
import { recordLookup } from "../../src/site/provenance/record-lookup.ts";
import type { SeriesPart } from "../../src/site/provenance/series-part.ts";
import { type ClosedSeries, closeSeries } from "../../src/site/provenance/series-run.ts";
import { checkSeriesOf, type SeriesCheckOptions } from "../../src/site/provenance/series-verification.ts";
import { sealFile } from "../../src/site/sealing-run.ts";
import { type FileOutcome, FileVerifier } from "../../src/site/verification.ts";
import { openProvenanceJournal } from "../../src/store/provenance/open-provenance-journal.ts";
import type { ProvenanceJournal } from "../../src/store/provenance/provenance-journal.ts";
import type { SeriesJudgement } from "../../src/zero-trust/policy/series.ts";
import { edited } from "../evaluation/fixture.ts";
import { peerPath } from "../peers.ts";

export type Verified = Extract<FileOutcome, { readonly decision: unknown }>;

export interface SealedInstance extends Verified {
  readonly uid: string;
  readonly number: number;
}

export class SeriesSite {
  readonly folder: string;
  readonly home: SiteHome;
  readonly journal: ProvenanceJournal;
  #files = 0;

  private constructor(folder: string, home: SiteHome, journal: ProvenanceJournal) {
    this.folder = folder;
    this.home = home;
    this.journal = journal;
  }

  /** With the devices CT1 and MR1. */
  static async make(): Promise<SeriesSite> {
    const folder = mkdtempSync(join(tmpdir(), "scanseal-series-"));
    const home = await createHome(join(folder, "home"), { name: "Test site" });
    for (const name of ["CT1", "MR1"])
      await enrolLocally(await home.openAuthority(), home.deviceFolder(name), {
        device: { name, aeTitle: name, serialNumber: `${name}-serial` },
        roles: ["capture"],
        passphrase: home.passphrase(),
        random: nodeRandom,
      });
    return new SeriesSite(folder, home, await openProvenanceJournal(home.provenancePath));
  }

  /** Seals files, and gives them as verified, by Instance Number. */
  async seal(device: string, paths: readonly string[]): Promise<SealedInstance[]> {
    const sealing = await openDeviceSealing(this.home, device, { softwareVersion: "test", watermark: false });
    const output = await OutputFolder.open(join(this.folder, `sealed-${++this.#files}`));
    const nextCounter = (): number => sealing.counter.reserve(1).first;
    const sealed: string[] = [];
    for (const path of paths) sealed.push((await sealFile(path, { ...sealing, nextCounter, output })).path);
    await sealing.close();
    return (await this.verify(sealed)).sort((a, b) => a.number - b.number);
  }

  async verify(paths: readonly string[]): Promise<SealedInstance[]> {
    const verifier = new FileVerifier(this.home.trust(), {
      deep: false,
      provenance: this.home.provenancePath,
    });
    const outcomes: SealedInstance[] = [];
    for (const path of paths) {
      const outcome = await verifier.outcomeOf(path);
      if (!("decision" in outcome)) throw new Error(outcome.problem);
      const { sopInstanceUid: uid = "", instanceNumber: number = 0 } = outcome.instance ?? {};
      outcomes.push({ ...outcome, uid, number });
    }
    await verifier.close();
    return outcomes;
  }

  /** An attacker's copy, without any key. */
  async forged(one: Verified, edits: readonly Edit[]): Promise<SealedInstance> {
    const path = this.write(await edited(new Uint8Array(readFileSync(one.path)), edits));
    return (await this.verify([path]))[0]!;
  }

  write(bytes: Uint8Array): string {
    mkdirSync(join(this.folder, "files"), { recursive: true });
    const path = join(this.folder, "files", `${++this.#files}.dcm`);
    writeFileSync(path, bytes);
    return path;
  }

  close(uid: string, state?: "open"): Promise<ClosedSeries> {
    return closeSeries(uid, { home: this.home, journal: this.journal, softwareVersion: "test" }, state);
  }

  async keyObject(series: ClosedSeries, objects: readonly Verified[]): Promise<SealedInstance> {
    const context = { home: this.home, journal: this.journal, softwareVersion: "test" };
    const request = { objects: objects.map(({ path }) => path), folder: join(this.folder, "ko") };
    const { path } = await writeKeyObject(series, request, context);
    return (await this.verify([path]))[0]!;
  }

  /** What the site says of objects. `elsewhere`: without the site's own records. */
  async judge(
    parts: readonly SeriesPart[],
    options: SeriesCheckOptions & { readonly elsewhere?: boolean } = {},
  ): Promise<SeriesJudgement[]> {
    const records = options.elsewhere === true ? undefined : recordLookup(this.journal);
    const checked = await checkSeriesOf(parts, this.home.trust(), records, options);
    return checked.map(({ judgement }) => judgement);
  }

  async remove(): Promise<void> {
    await this.journal.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function corpusSeries(folder: string): string[] {
  const path = join(peerPath("corpus"), folder);
  return readdirSync(path)
    .sort()
    .map((name) => join(path, name));
}

/** State and every list that is not empty. */
export function told(judgement: SeriesJudgement | undefined): Record<string, unknown> {
  const { state, missing, duplicated, reordered, foreign, unproven, late, faults } = judgement!;
  const lists = { missing, duplicated, reordered, foreign, unproven, late };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  const codes = faults.map(({ code }) => code);
  return { state, ...Object.fromEntries(filled), ...(codes.length > 0 ? { faults: codes } : {}) };
}
