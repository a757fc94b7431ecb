/** What the style rules need to know about one TypeScript file, read from its syntax tree. */
import { parseSync } from "vite";

export interface Violation {
  /** Relative to the project root, with forward slashes. */
  readonly file: string;
  readonly line: number;
  /** What is wrong and what to do. */
  readonly message: string;
}

export interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

export interface ImportFact {
  readonly specifier: string;
  readonly line: number;
  /** Nothing of it is left after types are stripped. */
  readonly typeOnly: boolean;
  /** Names taken; undefined when the module is taken whole (a namespace, `import()`): then every identifier counts. */
  readonly names: readonly string[] | undefined;
}

export interface ExportFact {
  readonly name: string;
  readonly line: number;
  /** An interface or a type alias. */
  readonly isType: boolean;
}

export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lineCount: number;
  readonly program: AstNode;
  readonly imports: readonly ImportFact[];
  readonly exports: readonly ExportFact[];
  /** How often each identifier stands in the file, its declaration included. */
  readonly identifiers: ReadonlyMap<string, number>;
  /** Relative paths in string and template literals: `new URL("./worker.ts", import.meta.url)`. */
  readonly literalPaths: readonly string[];
  lineAt(offset: number): number;
}

/** @throws Error when the text is not TypeScript */
export function parseSource(path: string, text: string): SourceFile {
  const parsed = parseSync(path, text, { lang: "ts", sourceType: "module" });
  if (parsed.errors.length > 0) throw new Error(`${path}: ${parsed.errors[0]!.message}`);
  const program = parsed.program as unknown as AstNode;
  const lineStarts = [0];
  for (let i = text.indexOf("\n"); i >= 0; i = text.indexOf("\n", i + 1)) lineStarts.push(i + 1);
  const lineAt = (offset: number): number => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const imports: ImportFact[] = [];
  const exports: ExportFact[] = [];
  const identifiers = new Map<string, number>();
  const literalPaths: string[] = [];
  walk(program, (node) => {
    const taken = importOf(node);
    if (taken) imports.push({ ...taken, line: lineAt(node.start) });
    for (const given of exportsOf(node)) {
      if (!exports.some((known) => known.name === given.name))
        exports.push({ ...given, line: lineAt(node.start) });
    }
    if (node.type === "Identifier") {
      const name = node.name as string;
      identifiers.set(name, (identifiers.get(name) ?? 0) + 1);
    }
    const literal = literalStartOf(node);
    if (literal !== undefined && /^\.\.?\//.test(literal)) literalPaths.push(literal);
  });
  const lineCount = text.endsWith("\n") ? lineStarts.length - 1 : lineStarts.length;
  return { path, text, lineCount, program, imports, exports, identifiers, literalPaths, lineAt };
}

/** Every node, parents first; `parents` ends with the nearest. */
export function walk(root: AstNode, visit: (node: AstNode, parents: readonly AstNode[]) => void): void {
  const parents: AstNode[] = [];
  const step = (node: AstNode): void => {
    visit(node, parents);
    parents.push(node);
    for (const child of childrenOf(node)) step(child);
    parents.pop();
  };
  step(root);
}

function childrenOf(node: AstNode): AstNode[] {
  const children: AstNode[] = [];
  for (const field of Object.values(node)) {
    if (Array.isArray(field)) children.push(...field.filter(isNode));
    else if (isNode(field)) children.push(field);
  }
  return children;
}

function isNode(value: unknown): value is AstNode {
  return typeof value === "object" && value !== null && typeof (value as AstNode).type === "string";
}

function importOf(node: AstNode): Omit<ImportFact, "line"> | undefined {
  const source = node.source;
  if (!isNode(source)) return undefined;
  const specifier = literalStartOf(source);
  if (specifier === undefined) return undefined;
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
  switch (node.type) {
    case "ImportDeclaration":
      return {
        specifier,
        typeOnly: isTypeOnly(node.importKind, specifiers, "importKind"),
        names: specifiers.some((s) => s.type === "ImportNamespaceSpecifier")
          ? undefined
          : specifiers.map((s) => nameOf(s.imported) ?? "default"),
      };
    case "ExportNamedDeclaration":
      return {
        specifier,
        typeOnly: isTypeOnly(node.exportKind, specifiers, "exportKind"),
        names: specifiers.map((s) => nameOf(s.local) ?? "default"),
      };
    case "ExportAllDeclaration":
    case "ImportExpression":
      return { specifier, typeOnly: false, names: undefined };
    case "TSImportType":
      return { specifier, typeOnly: true, names: undefined };
    default:
      return undefined;
  }
}

function isTypeOnly(kind: unknown, specifiers: readonly AstNode[], field: string): boolean {
  return kind === "type" || (specifiers.length > 0 && specifiers.every((s) => s[field] === "type"));
}

function exportsOf(node: AstNode): Omit<ExportFact, "line">[] {
  if (node.type === "ExportDefaultDeclaration") return [{ name: "default", isType: false }];
  if (node.type !== "ExportNamedDeclaration") return [];
  const specifiers = (node.specifiers as readonly AstNode[]).map((s) => ({
    name: nameOf(s.exported) ?? "default",
    isType: s.exportKind === "type" || node.exportKind === "type",
  }));
  const declaration = node.declaration;
  if (!isNode(declaration)) return specifiers;
  const isType =
    declaration.type === "TSInterfaceDeclaration" || declaration.type === "TSTypeAliasDeclaration";
  if (declaration.type !== "VariableDeclaration")
    return [{ name: nameOf(declaration.id) ?? "default", isType }];
  const names: string[] = [];
  for (const declarator of declaration.declarations as readonly AstNode[]) {
    names.push(...bindingNames(declarator.id as AstNode));
  }
  return names.map((name) => ({ name, isType: false }));
}

function bindingNames(pattern: AstNode): string[] {
  if (pattern.type === "Identifier") return [pattern.name as string];
  const parts = (pattern.properties ?? pattern.elements ?? []) as readonly (AstNode | null)[];
  return parts.flatMap((part) => {
    if (part === null) return [];
    const inner = part.value ?? part.argument ?? part.left ?? part;
    return isNode(inner) ? bindingNames(inner) : [];
  });
}

function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const name = node.name ?? node.value;
  return typeof name === "string" ? name : undefined;
}

/** A string literal's text, or what a template begins with. */
function literalStartOf(node: AstNode): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type !== "TemplateLiteral") return undefined;
  const first = (node.quasis as readonly AstNode[])[0];
  return (first?.value as { cooked?: string } | undefined)?.cooked;
}
