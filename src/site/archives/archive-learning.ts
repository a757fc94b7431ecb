/** What an archive does to objects on their way through it: what it returned, compared with the seals they went in with. */
import { CodecPool } from "../../platform/node/codecs/codec-pool.ts";
import { nodeCrypto, systemClock } from "../../platform/node/crypto.ts";
import type { ArchiveHabit } from "../../provenance/manifest/archive-statement.ts";
import { neverHabit } from "../../zero-trust/evidence/archive-habits.ts";
import type { AttributeClass } from "../../zero-trust/evidence/attribute-classes.ts";
import { collectEvidence, type EvidencePorts } from "../../zero-trust/evidence/collect.ts";
import type { AttributeChange, ContentEvidence, Evidence } from "../../zero-trust/evidence/evidence.ts";
import { TrustJudge } from "../../zero-trust/evidence/trust-check.ts";
import { decide } from "../../zero-trust/policy/decide.ts";
import { withFile } from "../file-input.ts";
import type { SiteHome } from "../home.ts";

export interface LearnedChange extends ArchiveHabit {
  readonly attributeClass: AttributeClass;
  /** Returned objects that have it. */
  readonly objects: number;
  /** Why it can never be approved. */
  readonly never?: string;
}

export interface Learned {
  /** Compared. */
  readonly objects: number;
  /** Ascending by path. */
  readonly changes: readonly LearnedChange[];
  /** What could not be compared, and why: not what an archive may do. */
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

interface Seen {
  readonly kinds: Set<AttributeChange["kind"]>;
  readonly attributeClass: AttributeClass;
  readonly paths: Set<string>;
}

/** Close it to end the codecs' threads. */
export class ArchiveLearning {
  readonly #evidence: EvidencePorts;
  readonly #codecs: CodecPool = new CodecPool();
  /** Payload digest -> what differed before. */
  readonly #originals = new Map<string, ReadonlySet<string>>();
  readonly #seen = new Map<string, Seen>();
  readonly #refused: { path: string; why: string }[] = [];
  #objects = 0;

  constructor(home: SiteHome) {
    const trust = new TrustJudge(home.trust(), nodeCrypto, systemClock.now());
    this.#evidence = { crypto: nodeCrypto, trust, decoder: this.#codecs };
  }

  /** As it was sent to the archive. @throws ScansealError `io` */
  async addOriginal(path: string): Promise<void> {
    const evidence = await this.#look(path);
    const { verdict } = decide(evidence);
    const digest = evidence.manifest?.payloadDigest;
    if (digest === undefined || (verdict !== "verified" && verdict !== "verified-with-changes"))
      this.#refused.push({ path, why: `the original is ${verdict}` });
    else this.#originals.set(digest, new Set(evidence.content!.attributes.map(nameOf)));
  }

  /** As the archive gave it out, after every original was added. @throws ScansealError `io` */
  async addReturned(path: string): Promise<void> {
    const evidence = await this.#look(path);
    const { manifest, content } = evidence;
    const before = this.#originals.get(manifest?.payloadDigest ?? "");
    const why = refusalOf(evidence, before !== undefined);
    if (why !== undefined) {
      this.#refused.push({ path, why });
      return;
    }
    this.#objects++;
    for (const change of content!.attributes) {
      if (before!.has(nameOf(change)) || change.transcodeByProduct) continue;
      const pattern = patternOf(change.path);
      const seen = this.#seen.get(pattern) ?? {
        kinds: new Set(),
        attributeClass: change.attributeClass,
        paths: new Set(),
      };
      seen.kinds.add(change.kind);
      seen.paths.add(path);
      this.#seen.set(pattern, seen);
    }
  }

  async #look(path: string): Promise<Evidence> {
    return withFile(path, (source) => collectEvidence(source, this.#evidence));
  }

  result(): Learned {
    const changes = [...this.#seen].map(([path, { kinds, attributeClass, paths }]): LearnedChange => {
      const inOrder = (["added", "changed", "removed"] as const).filter((kind) => kinds.has(kind));
      const never = neverHabit(path);
      const reason = never === undefined ? {} : { never };
      return { path, kinds: inOrder, attributeClass, objects: paths.size, ...reason };
    });
    changes.sort((a, b) => (a.path < b.path ? -1 : 1));
    return { objects: this.#objects, changes, refused: this.#refused };
  }

  async close(): Promise<void> {
    await this.#codecs.close();
  }
}

function nameOf({ kind, path }: AttributeChange): string {
  return `${kind} ${path}`;
}

/** Item numbers do not matter to a habit. */
function patternOf(path: string): string {
  return path.includes("[") ? path : path.replace(/\/\d+\//g, "/*/");
}

/** Anything but attributes that differ is no habit. */
function refusalOf({ manifest, content, unreadable }: Evidence, hasOriginal: boolean): string | undefined {
  if (unreadable) return `it cannot be read: ${unreadable.code}`;
  if (!manifest) return "it came back without its seal: the archive drops private elements";
  if (!hasOriginal) return "none of the originals has its seal";
  if (manifest.faults.length > 0 || manifest.trust?.result !== "trusted")
    return `its seal came back damaged: ${manifest.faults[0] ?? manifest.trust?.result}`;
  if (!content || content.unlocalised)
    return "what changed in it cannot be named: a part of its seal is missing";
  return hasOtherFrames(content) ? "its pixels are not those that were sent" : undefined;
}

function hasOtherFrames(content: ContentEvidence): boolean {
  const { framesChanged, framesAdded, framesRemoved, framesUncheckable } = content;
  return [framesChanged, framesAdded, framesRemoved, framesUncheckable].some((list) => list.length > 0);
}
