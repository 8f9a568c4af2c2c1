/**
 * What the rules need to know of one module, read from its syntax tree and not from its text, so
 * that a word in a comment or a string is not mistaken for code.
 */

import { parseAst } from "vitest/node";

export interface ModuleFacts {
  /** Where the module imports or re-exports from, types included. */
  readonly imports: readonly string[];
  /** Every text constant: files are also reached by `new URL("./x.ts", import.meta.url)`. */
  readonly strings: readonly string[];
  /** Uses of names that only adapters may touch, such as `Date.now`, and of unwanted syntax. */
  readonly uses: readonly string[];
  readonly hasDefaultExport: boolean;
  /** True if the module holds nothing but lists of names taken from other modules. */
  readonly onlyReExports: boolean;
}

interface Node {
  readonly type: string;
  readonly [key: string]: unknown;
}

interface Collected {
  readonly imports: string[];
  readonly strings: string[];
  readonly uses: string[];
}

/** Calls that read a clock, a timer or chance, written without an object before them. */
const BARE_CALLS = ["setTimeout", "setInterval", "setImmediate", "randomUUID"];

export function moduleFacts(path: string, text: string): ModuleFacts {
  const lang = /\.m?ts$/.test(path) ? "ts" : "js";
  const program = parseAst(text, { lang }, path) as unknown as Node;
  const body = program.body as Node[];
  const collected: Collected = { imports: [], strings: [], uses: [] };
  visit(program, collected);
  return {
    ...collected,
    hasDefaultExport: body.some(isDefaultExport),
    onlyReExports: body.every(isListOfNames),
  };
}

function visit(node: Node, collected: Collected): void {
  collect(node, collected);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) visit(child, collected);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

function collect(node: Node, collected: Collected): void {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType": {
      const source = isNode(node.source) ? node.source.value : undefined;
      if (typeof source === "string") collected.imports.push(source);
      return;
    }
    case "Literal":
      if (typeof node.value === "string") collected.strings.push(node.value);
      return;
    case "TemplateElement":
      collected.strings.push((node.value as { cooked?: string }).cooked ?? "");
      return;
    default: {
      const use = useOf(node);
      if (use !== undefined) collected.uses.push(use);
    }
  }
}

function useOf(node: Node): string | undefined {
  switch (node.type) {
    case "MemberExpression":
      return memberName(node);
    case "CallExpression": {
      const callee = identifierName(node.callee);
      return callee !== undefined && BARE_CALLS.includes(callee) ? `${callee}(` : undefined;
    }
    case "NewExpression": {
      const count = (node.arguments as unknown[]).length;
      return identifierName(node.callee) === "Date" && count === 0 ? "new Date()" : undefined;
    }
    case "TSAsExpression":
      return isNode(node.typeAnnotation) && node.typeAnnotation.type === "TSAnyKeyword"
        ? "as any"
        : undefined;
    case "TSEnumDeclaration":
      return "enum";
    default:
      return undefined;
  }
}

/** `a.b` for a member of a plain name; nothing for anything longer or computed. */
function memberName(node: Node): string | undefined {
  const object = identifierName(node.object);
  const property = identifierName(node.property);
  if (object === undefined || property === undefined || node.computed === true) return undefined;
  return `${object}.${property}`;
}

function identifierName(value: unknown): string | undefined {
  return isNode(value) && value.type === "Identifier" ? String(value.name) : undefined;
}

function isDefaultExport(node: Node): boolean {
  if (node.type === "ExportDefaultDeclaration") return true;
  if (node.type !== "ExportNamedDeclaration") return false;
  return (node.specifiers as Node[]).some(
    (specifier) => identifierName(specifier.exported) === "default",
  );
}

/** An import without names is let through: it can only check that the package may run here. */
function isListOfNames(node: Node): boolean {
  if (node.type === "ImportDeclaration") return (node.specifiers as Node[]).length === 0;
  return node.type === "ExportNamedDeclaration" && isNode(node.source);
}
