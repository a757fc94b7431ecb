/** Reads a configuration file's sections: what is asked for is known, the rest is a mistake. */
import { isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";
import type { ProblemList } from "./config-problem.ts";
import { shown } from "./yaml-document.ts";

/** Undefined after a problem was told. `what` names the value in messages. */
export type Parse<T> = (node: Node, problems: ProblemList, what: string) => T | undefined;

/** Why a text is not a value: "must be ...". */
export class Refusal {
  readonly problem: string;
  readonly hint: string | undefined;

  constructor(problem: string, hint?: string) {
    this.problem = problem;
    this.hint = hint;
  }
}

/** @param read a Refusal for a text that is none of the values */
export function parseText<T>(read: (text: string) => T | Refusal): Parse<T> {
  return (node, problems, what) => {
    if (!isScalar(node) || typeof node.value !== "string" || node.value === "") {
      problems.error("type", offsetOf(node), `${what} must be a single value`);
      return undefined;
    }
    const value = read(node.value);
    if (!(value instanceof Refusal)) return value;
    problems.error("value", offsetOf(node), `${what} ${value.problem}`, value.hint);
    return undefined;
  };
}

/** A list, or one value for a list of one. */
export function parseList<T>(parse: Parse<T>): Parse<readonly T[]> {
  return (node, problems, what) => {
    const items = isSeq(node) ? (node.items as readonly (Node | null)[]) : [node];
    if (items.length > itemsMax) {
      problems.error("value", offsetOf(node), `${what} has more than ${itemsMax} entries`);
      return undefined;
    }
    const values = items.map((item) => (item ? parse(item, problems, what) : undefined));
    return values.flatMap((value) => (value === undefined ? [] : [value]));
  };
}

/** A partner network has hundreds of scanners. */
const itemsMax = 1000;

function parseSections<T>(read: (section: Section) => T): Parse<readonly T[]> {
  return (node, problems, what) => {
    if (!isSeq(node)) {
      problems.error("type", offsetOf(node), `${what} must be a list`, "begin each entry with a dash");
      return undefined;
    }
    if (node.items.length > itemsMax) {
      problems.error("value", offsetOf(node), `${what} has more than ${itemsMax} entries`);
      return undefined;
    }
    return node.items.flatMap((item, i) => {
      const section = Section.of(item as Node, problems, `${what} entry ${i + 1}`);
      if (!section) return [];
      const value = read(section);
      section.end();
      return [value];
    });
  };
}

export function parseSection<T>(read: (section: Section) => T): Parse<T> {
  return (node, problems, what) => {
    const section = Section.of(node, problems, what);
    if (!section) return undefined;
    const value = read(section);
    section.end();
    return value;
  };
}

/** One mapping of the file. */
export class Section {
  readonly problems: ProblemList;
  readonly #map: YAMLMap;
  readonly #what: string;
  readonly #known: string[] = [];

  constructor(map: YAMLMap, problems: ProblemList, what: string) {
    this.#map = map;
    this.problems = problems;
    this.#what = what;
  }

  static of(node: Node | null, problems: ProblemList, what: string): Section | undefined {
    if (isMap(node)) return new Section(node, problems, what);
    problems.error("type", offsetOf(node), `${what} must have keys, one a line ("key: value")`);
    return undefined;
  }

  /** Offset of a key's value, or of the section. */
  at(key?: string): number {
    const found = key === undefined ? undefined : this.#find(key);
    return offsetOf(found?.value ?? found?.key ?? this.#map);
  }

  has(key: string): boolean {
    return this.#find(key) !== undefined;
  }

  /** `placeholder` stands in after a problem; nothing is made of a file with problems. */
  required<T>(key: string, parse: Parse<T>, placeholder: T): T {
    this.#known.push(key);
    const found = this.#find(key);
    if (found?.value && !isEmpty(found.value))
      return parse(found.value, this.problems, `"${key}"`) ?? placeholder;
    if (found) this.problems.error("missing", offsetOf(found.key), `"${key}" has no value`);
    else this.problems.error("missing", this.at(), `${this.#what} has no "${key}"`);
    return placeholder;
  }

  optional<T>(key: string, parse: Parse<T>, fallback: T): T {
    this.#known.push(key);
    const found = this.#find(key);
    if (!found) return fallback;
    if (!found.value || (isScalar(found.value) && isEmpty(found.value))) {
      this.problems.error(
        "missing",
        offsetOf(found.key),
        `"${key}" has no value`,
        "give one, or remove the key",
      );
      return fallback;
    }
    return parse(found.value, this.problems, `"${key}"`) ?? fallback;
  }

  /** A list that may be empty, as where every entry is commented out. */
  list<T>(key: string, read: (section: Section) => T): readonly T[] {
    const value = this.#find(key)?.value;
    if (!value || !isEmpty(value)) return this.optional(key, parseSections(read), []);
    this.#known.push(key);
    return [];
  }

  /** After every key was asked for. */
  end(): void {
    for (const { key } of this.#map.items) {
      if (!isScalar(key) || typeof key.value !== "string" || this.#known.includes(key.value)) continue;
      const like = similar(key.value, this.#known);
      const hint = like === undefined ? `known are ${this.#known.join(", ")}` : `did you mean ${like}?`;
      this.problems.error("unknown-key", offsetOf(key), `${this.#what} has no key ${shown(key.value)}`, hint);
    }
  }

  #find(key: string): { readonly key: Node; readonly value: Node | null } | undefined {
    const pair = this.#map.items.find((item) => isScalar(item.key) && item.key.value === key);
    return pair as { readonly key: Node; readonly value: Node | null } | undefined;
  }
}

function isEmpty(node: Node): boolean {
  return isScalar(node) && (node.value === null || node.value === "");
}

function offsetOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}

/** The nearest known word, at most two letters away. */
export function similar(word: string, known: readonly string[]): string | undefined {
  if (word.length > 40) return undefined;
  const near = known
    .map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance)[0];
  return near && near.distance <= Math.min(2, Math.floor(word.length / 2)) ? near.name : undefined;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
