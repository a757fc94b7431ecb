/**
 * `node tools/fhir/generate.ts PACKAGE_DIR`: makes test/vectors/fhir/r5-definitions.json from the npm package hl7.fhir.r5.core 5.0.0 (CC0-1.0), unpacked.
 * Only what `scanseal history --fhir` writes is taken: extensions, narrative, contained resources and languages are left out, and so refused.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const types = [
  "Provenance",
  "AuditEvent",
  "Bundle",
  "Binary",
  "Signature",
  "Reference",
  "Identifier",
  "CodeableConcept",
  "Coding",
  "Meta",
  "Period",
];
const leftOut = /\.(extension|modifierExtension|language|implicitRules|contained|text)$/;
const bundleLeftOut = /^Bundle\.(entry\.(search|request|response|link)|link|issues)/;

interface SourceElement {
  readonly path: string;
  readonly min: number;
  readonly max: string;
  readonly contentReference?: string;
  readonly type?: readonly { readonly code: string }[];
  readonly binding?: { readonly strength: string; readonly valueSet?: string };
}

interface Concept {
  readonly code: string;
  readonly concept?: readonly Concept[];
}

interface Include {
  readonly system?: string;
  readonly concept?: readonly Concept[];
}

const folder = process.argv[2] ?? "";

function read<T>(name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, name), "utf8")) as T;
  } catch {
    return undefined;
  }
}

function lastPart(url: string): string {
  return url.split("|")[0]!.split("/").at(-1)!;
}

function codesOf(concepts: readonly Concept[]): string[] {
  return concepts.flatMap(({ code, concept = [] }) => [code, ...codesOf(concept)]);
}

/** Undefined where the package does not list them, as media types. */
function codesIn(valueSet: string): string[] | undefined {
  const set = read<{ compose: { include: readonly Include[] } }>(`ValueSet-${lastPart(valueSet)}.json`);
  const codes: string[] = [];
  for (const { system = "", concept } of set?.compose.include ?? []) {
    const all =
      concept ?? read<{ concept?: readonly Concept[] }>(`CodeSystem-${lastPart(system)}.json`)?.concept;
    if (!all) return undefined;
    codes.push(...codesOf(all));
  }
  return codes.length === 0 ? undefined : codes;
}

function definitionOf({ min, max, contentReference, type = [], binding }: SourceElement): object {
  const kind =
    contentReference === undefined
      ? { types: type.map(({ code }) => (code.includes("fhirpath") ? "id" : code)) }
      : { same: contentReference.split("#")[1] };
  const codes = binding?.strength === "required" ? codesIn(binding.valueSet ?? "") : undefined;
  return { min, max, ...kind, ...(codes ? { codes } : {}) };
}

function linesOf(type: string): string {
  const source = read<{ snapshot: { element: readonly SourceElement[] } }>(
    `StructureDefinition-${type}.json`,
  );
  if (!source) throw new Error(`there is no StructureDefinition-${type}.json in ${folder}`);
  const wanted = source.snapshot.element
    .slice(1)
    .filter(({ path }) => path === "CodeableConcept.text" || !leftOut.test(path))
    .filter(({ path }) => !bundleLeftOut.test(path));
  const lines = wanted.map((element) => `   "${element.path}": ${JSON.stringify(definitionOf(element))}`);
  return `  "${type}": {\n${lines.join(",\n")}\n  }`;
}

const from =
  "HL7 FHIR R5 (5.0.0), package hl7.fhir.r5.core, CC0-1.0: cardinalities, types and required codes of what scanseal history --fhir writes. Elements that it never writes are left out, and so refused.";
const text = `{\n "from": ${JSON.stringify(from)},\n "types": {\n${types.map(linesOf).join(",\n")}\n }\n}\n`;
writeFileSync(new URL("../../test/vectors/fhir/r5-definitions.json", import.meta.url), text);
