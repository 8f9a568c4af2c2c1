/**
 * What the documents and the package.json of every package have in common.
 */

import { posix } from "node:path";
import { FILES_BEYOND } from "./exceptions.ts";
import type { Problem, Workspace } from "./workspace.ts";

/** The parts of a package's README, in this order. Others may stand between them. */
export const README_PARTS = [
  "## Install",
  "## Use",
  "## Guarantees",
  "## Limits",
  "## API",
  "## Errors",
  "## Implementing",
] as const;

/** `files` is compared apart: some packages publish more than source and build. */
export const SHARED_FIELDS = {
  license: "Apache-2.0",
  type: "module",
  engines: { node: ">=22" },
  publishConfig: { access: "public", provenance: true },
} as const;

const FILES = ["dist", "src", "CHANGELOG.md"];

export function checkReadme(path: string, name: string, text: string): Problem[] {
  const problems: Problem[] = [];
  const report = (message: string) => problems.push({ path, message });
  const opening = text.split(/^## /m)[0] ?? "";
  const lines = opening.split("\n").filter((line) => line.trim() !== "");
  if (lines[0] !== `# ${name}`) report(`the first line is not "# ${name}"`);
  if (lines[1] === undefined || !/^[A-Z].*[.!]$/.test(lines[1])) {
    report("the second part is not one sentence that says what the package does");
  }
  if (!/^(```| {4}\S)/m.test(opening)) report("no code before the first heading");
  const headings = text.match(/^## .*$/gm) ?? [];
  let last = -1;
  for (const part of README_PARTS) {
    const index = headings.findIndex((heading) => heading.trim() === part);
    if (index === -1) report(`the part "${part}" is missing`);
    else if (index < last) report(`the part "${part}" stands too early`);
    last = Math.max(last, index);
  }
  // The packages run on a Node.js for which it is a syntax error.
  if (/^await using /m.test(text) && !/`await using`[^.]* needs\s+Node\.js 24/.test(text)) {
    report("does not say that `await using` needs Node.js 24");
  }
  return problems;
}

export function checkManifest(path: string, text: string): Problem[] {
  const problems: Problem[] = [];
  const manifest = JSON.parse(text) as Record<string, unknown>;
  for (const [field, value] of Object.entries(SHARED_FIELDS)) {
    if (JSON.stringify(manifest[field]) === JSON.stringify(value)) continue;
    problems.push({ path, message: `"${field}" is not ${JSON.stringify(value)}` });
  }
  const files = Array.isArray(manifest.files) ? (manifest.files as string[]) : [];
  const beyond = FILES_BEYOND[path.replace(/\/package\.json$/, "")] ?? [];
  const wrong = [
    ...FILES.filter((name) => !files.includes(name)),
    ...files.filter((name) => !FILES.includes(name) && !beyond.includes(name)),
  ];
  if (wrong.length > 0) {
    problems.push({ path, message: `"files" is wrong about ${wrong.join(", ")}` });
  }
  return problems;
}

/** The changesets tool reads the head of a file literally, and a formatter may take it for text. */
export function checkChangeset(path: string, text: string): Problem[] {
  const isReadable = /^---\n("[@/a-z-]+": (major|minor|patch)\n)+---\n\n\S/.test(text);
  return isReadable ? [] : [{ path, message: "has no head that names packages and their bumps" }];
}

/** A link into the repository leads to a file or folder of it, and to a heading if it names one. */
export function checkLinks(path: string, text: string, { paths, read }: Workspace): Problem[] {
  const isHere = (target: string) =>
    paths.includes(target) || paths.some((other) => other.startsWith(`${target}/`));
  return linksOf(text).flatMap((link) => {
    const [file = "", heading] = link.split("#");
    const target = file === "" ? path : posix.join(posix.dirname(path), decodeURI(file));
    if (!isHere(target)) return [{ path, message: `links to nothing: "${link}"` }];
    if (heading === undefined || !target.endsWith(".md")) return [];
    if (anchorsOf(read(target)).includes(heading)) return [];
    return [{ path, message: `links to a heading that is not there: "${link}"` }];
  });
}

/** Those that do not leave the repository. */
function linksOf(text: string): string[] {
  const prose = withoutBlocks(text).replace(/`[^`\n]*`/g, "");
  const links = [...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => !/^[a-z][a-z0-9+.-]*:/.test(link));
}

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const headings = withoutBlocks(text).match(/^#{1,6} .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function withoutBlocks(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "");
}

/** A line number in prose is wrong after the next edit: name the function instead. */
export function checkCitations(path: string, text: string): Problem[] {
  const cited =
    withoutBlocks(text).match(/\.(ts|mts|mjs|js|c|h|go|rs)(:\d+|#L\d+)|\blines? \d+/g) ?? [];
  return cited.map((found) => ({ path, message: `cites a line number: "${found}"` }));
}
