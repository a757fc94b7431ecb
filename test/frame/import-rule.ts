/** The import rule of ARCHITECTURE.md: what a folder does not list is forbidden; foundation is free to all. */
import type { SourceFile, Violation } from "./source-file.ts";

const provenance = ["provenance/manifest", "provenance/disclosure", "provenance/transparency-log/proof"];
const keys = ["keys/trust", "keys/custody"];
/** `types:` allows `import type` only. */
const evidenceTypes = "types:zero-trust/evidence";

/** Compiled without Node and without a browser (tsconfig.verifier.json). */
export const verifierFolders: readonly string[] = [
  "foundation",
  "dicom",
  "digital-signatures",
  "invisible-watermark",
  ...provenance,
  "keys/trust",
  "zero-trust/evidence",
  "zero-trust/policy",
  "evidence-bundle",
];

/** Folder of src -> folders of src it may import, besides itself and foundation. */
export const importTable: Readonly<Record<string, readonly string[]>> = {
  foundation: [],
  dicom: [],
  "digital-signatures": ["dicom", "keys/trust"],
  "invisible-watermark": [],
  "zero-trust/evidence": ["digital-signatures", "invisible-watermark", ...provenance, "dicom", "keys/trust"],
  "zero-trust/policy": [evidenceTypes],
  "zero-trust/quarantine": ["store"],
  "zero-trust/gateway": [
    "zero-trust/evidence",
    "zero-trust/policy",
    "zero-trust/quarantine",
    "sealing",
    "dicom",
    "dicom-network",
    ...provenance,
    "provenance/transparency-log/sequencer",
    ...keys,
    "store",
    "operations",
  ],
  sealing: ["digital-signatures", "invisible-watermark", ...provenance, "dicom", ...keys],
  "provenance/manifest": ["provenance/disclosure", "dicom", "keys/trust"],
  "provenance/disclosure": ["dicom", "keys/trust"],
  "provenance/transparency-log/proof": [],
  // Never dicom: no patient data can reach a leaf.
  "provenance/transparency-log/sequencer": ["provenance/transparency-log/proof", ...keys, "store"],
  "evidence-bundle": ["zero-trust/evidence", "zero-trust/policy", ...provenance, "dicom", "keys/trust"],
  // platform/node: character sets of keys.
  "dicom-network": ["dicom", "platform/node"],
  "keys/trust": [],
  "keys/custody": ["keys/trust", "platform/node"],
  // The index answers queries: their form and that of the answers, nothing that reads DICOM.
  store: ["platform/node", "types:dicom", "types:dicom-network"],
  "procurement-audit": [
    "zero-trust/evidence",
    "zero-trust/policy",
    "dicom",
    "dicom-network",
    ...keys,
    ...provenance,
    "phantom",
  ],
  "attack-lab": ["dicom", "phantom"],
  phantom: ["dicom"],
  "platform/node": ["dicom"],
  // The protocol of what it serves; whom it serves and what is proven comes in through ports.
  "web-api": ["dicom", "dicom-network"],
  operations: [],
  site: ["*", "!cli", "!attack-lab"],
  cli: ["*"],
};

/** What src/*.ts itself may import: the verifier's public entry. */
const entryImports: readonly string[] = verifierFolders;

/** npm packages in the verifier's folders: they must need neither Node nor a browser. Package -> reason. */
const isomorphicPackages: ReadonlyMap<string, string> = new Map([
  ["pako", "pure JavaScript: deflated data sets and leaf tables are inflated within limits"],
]);

/** @param productionPackages the `dependencies` of package.json */
export function checkImports(
  files: readonly SourceFile[],
  productionPackages: ReadonlySet<string>,
  isomorphic: ReadonlyMap<string, string> = isomorphicPackages,
): Violation[] {
  return files.flatMap((file) => {
    const out: Violation[] = [];
    for (const taken of file.imports) {
      const message = taken.specifier.startsWith(".")
        ? relativeProblem(file.path, taken.specifier, taken.typeOnly)
        : packageProblem(file.path, taken.specifier, productionPackages, isomorphic);
      if (message !== undefined) out.push({ file: file.path, line: taken.line, message });
    }
    if (file.path.startsWith("src/") && !isTestFile(file.path) && folderOf(file.path) === undefined) {
      const message =
        "its folder is not in the import table of test/frame/import-rule.ts: move it, or add a rule";
      out.push({ file: file.path, line: 1, message });
    }
    return out;
  });
}

export function isTestFile(path: string): boolean {
  return path.endsWith(".test.ts") || path.startsWith("test/");
}

/** `src/dicom/pixel-data/x.ts` -> `dicom`; a file directly in src -> ``; undefined where no rule exists. */
export function folderOf(path: string): string | undefined {
  if (/^src\/[^/]+$/.test(path)) return "";
  const inside = path.replace(/^src\//, "");
  const folders = Object.keys(importTable).filter((folder) => inside.startsWith(`${folder}/`));
  return folders.sort((a, b) => b.length - a.length)[0];
}

/** The path a relative specifier names, from the project root. */
export function resolveFrom(path: string, specifier: string): string {
  const parts = path.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}

function relativeProblem(path: string, specifier: string, typeOnly: boolean): string | undefined {
  if (!/\.(ts|json)$/.test(specifier)) return `import "${specifier}" with its .ts extension`;
  const target = resolveFrom(path, specifier);
  if (!target.startsWith("src/")) {
    const allowed = !path.startsWith("src/") || isTestFile(path);
    return allowed ? undefined : `production code imports ${target}: what it needs belongs in src`;
  }
  if (isTestFile(target)) return `imports the test ${target}: move what is shared to test/`;
  if (isTestFile(path) || path.startsWith("bench/")) return undefined;
  const from = path.startsWith("src/") ? folderOf(path) : "tools";
  const to = folderOf(target);
  if (from === undefined || to === undefined || isAllowed(from, to, typeOnly)) return undefined;
  if (isAllowed(from, to, true)) return `${from} may take types only from ${to}: use import type`;
  return `${from || "src"} must not import ${to || "src"} (ARCHITECTURE.md, import rule): invert the dependency with a port`;
}

function isAllowed(from: string, to: string, typeOnly: boolean): boolean {
  if (from === to || to === "foundation") return true;
  const listed = from === "" ? entryImports : from === "tools" ? ["dicom"] : (importTable[from] ?? []);
  if (listed.includes(`!${to}`) || to === "") return false;
  return listed.includes("*") || listed.includes(to) || (typeOnly && listed.includes(`types:${to}`));
}

function packageProblem(
  path: string,
  specifier: string,
  productionPackages: ReadonlySet<string>,
  isomorphic: ReadonlyMap<string, string>,
): string | undefined {
  if (!path.startsWith("src/") || isTestFile(path)) return undefined;
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const folder = folderOf(path);
  if (folder !== undefined && (folder === "" || verifierFolders.includes(folder)) && !isomorphic.has(name)) {
    return `"${specifier}" in the verifier, which also runs in a browser: take it through a port of foundation`;
  }
  if (specifier.startsWith("node:") || productionPackages.has(name)) return undefined;
  return `"${specifier}" is not in the dependencies of package.json (Node's own modules are written node:...)`;
}
