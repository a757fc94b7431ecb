/** A YAML file, read within bounds: hostile or damaged text gives problems, never a hang or another exception. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from "yaml";
import { ProblemList } from "./config-problem.ts";

/** Five hundred sources with their comments; it takes the parser a tenth of a second. */
export const configCharactersMax: number = 128 * 1024;
/** The deepest value of the schema lies four levels down. */
const depthMax = 12;

export interface YamlFile {
  /** Undefined where the text is no YAML: nothing can be said of its sections. */
  readonly contents: Node | null | undefined;
  readonly problems: ProblemList;
}

export function readYaml(text: string): YamlFile {
  const lines = new LineCounter();
  const problems = new ProblemList((offset) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  });
  if (text.length > configCharactersMax) {
    problems.error("too-large", 0, `the file has more than ${configCharactersMax} characters`);
    return { contents: undefined, problems };
  }
  const tooDeep = tooDeepAt(text);
  if (tooDeep !== undefined) {
    problems.error("syntax", tooDeep, "the file is nested too deeply to be a configuration");
    return { contents: undefined, problems };
  }
  try {
    const document = parse(text, lines);
    const found = [...document.errors, ...document.warnings];
    // What the parser says after a tab is about the tab, in other words.
    const tabs = found.filter(({ code }) => code === "TAB_AS_INDENT");
    for (const { pos, message, code } of tabs.length > 0 ? tabs : found) {
      problems.error("syntax", pos[0], plainSentence(message, code), hints[code]);
    }
    if (problems.hasErrors) return { contents: undefined, problems };
    const { contents } = document;
    if (contents) checkNodes(contents, problems, 0);
    return { contents, problems };
  } catch {
    // The parser's own recursion, on text that no person wrote.
    problems.error("syntax", 0, "the file is not YAML that can be read");
    return { contents: undefined, problems };
  }
}

/** Every value is text: `aeTitle: 0042` keeps its zeros, and `no` is not false. Duplicate keys are looked for here, in linear time. */
function parse(text: string, lineCounter: LineCounter): Document.Parsed<ParsedNode> {
  return parseDocument(text, {
    schema: "failsafe",
    version: "1.2",
    uniqueKeys: false,
    stringKeys: true,
    merge: false,
    strict: true,
    prettyErrors: false,
    logLevel: "error",
    lineCounter,
  });
}

/** Brackets and dashes nest; counted before the parser, whose recursion is not bounded, sees them. */
function tooDeepAt(text: string): number | undefined {
  let open = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === "[" || character === "{") open++;
    else if (character === "]" || character === "}") open = Math.max(0, open - 1);
    // A comment or a text may hold some, unpaired: far more than this is no comment.
    if (open > bracketsMax) return at;
  }
  const dashes = /(?:[-?:][ \t]+){13}/.exec(text);
  return dashes?.index;
}

const bracketsMax = 200;

const hints: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces",
  MULTIPLE_DOCS: "one file holds one configuration: remove the --- line",
  TAG_RESOLVE_FAILED: "remove the !tag",
  MISSING_CHAR: "put texts with special characters in quotes",
  BAD_INDENT: "indent with the same number of spaces",
};

function plainSentence(message: string, code: string): string {
  if (code === "TAG_RESOLVE_FAILED") return "tags are not used in this file";
  // The parser may quote the text; what it quotes is cut off.
  return message
    .split("\n")[0]!
    .slice(0, 160)
    .replace(/[\s:]+$/, "");
}

function checkNodes(node: Node, problems: ProblemList, depth: number): void {
  const at = node.range?.[0] ?? 0;
  if (depth > depthMax) {
    problems.error("syntax", at, "the file is nested too deeply");
  } else if (isAlias(node)) {
    problems.error("syntax", at, "aliases (*name) are not used in this file", "write the value out");
  } else if (isSeq(node)) {
    for (const item of node.items) if (item) checkNodes(item as Node, problems, depth + 1);
  } else if (isMap(node)) {
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      const keyNode = key as Node;
      const name = isScalar(keyNode) ? keyNode.value : undefined;
      const keyAt = keyNode?.range?.[0] ?? at;
      if (typeof name !== "string") problems.error("syntax", keyAt, "a key must be a word");
      else if (seen.has(name)) problems.error("duplicate-key", keyAt, `${shown(name)} is there twice`);
      seen.add(name);
      if (value) checkNodes(value as Node, problems, depth + 1);
    }
  }
}

/** A word of the file in a message: short, and on one line. */
export function shown(word: string): string {
  return JSON.stringify(word.length > 40 ? `${word.slice(0, 40)}...` : word);
}
