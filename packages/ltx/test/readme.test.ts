/** The README is the specification: its tables say what the code says, and its examples run. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as ltx from "../src/index.ts";
import * as testing from "../src/testing/index.ts";

const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
const readme = read("../README.md");

/** The rows of the first table under a heading, as cells. */
function tableUnder(heading: string): string[][] {
  const section = readme.split(`\n${heading}\n`)[1]?.split(/^#+ /m)[0] ?? "";
  const table = /(^\|.*\|\n)+/m.exec(section)?.[0] ?? "";
  const rows = table.trim().split("\n");
  return rows.slice(2).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

const unquoted = (cell: string | undefined) => cell?.replaceAll("`", "");

describe("README", () => {
  const layouts = {
    "### Header": ltx.HEADER_LAYOUT,
    "### Page frame": ltx.PAGE_HEADER_LAYOUT,
    "### Page index": ltx.INDEX_FOOTER_LAYOUT,
    "### Trailer": ltx.TRAILER_LAYOUT,
  };
  for (const [heading, layout] of Object.entries(layouts)) {
    it(`has the layout under "${heading}"`, () => {
      const rows = tableUnder(heading).map(([offset, size, field, kind]) => {
        return { field, offset: Number(offset), size: Number(size), kind };
      });
      expect(rows).toEqual(layout);
    });
  }

  it("has the numbers of its text as they are in files", () => {
    const page = new Uint8Array(512);
    const hex = (bytes: Uint8Array) => [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
    const frame = (encoding: ltx.PageEncoding) =>
      ltx.encodePageFrame(ltx.toPgno(1), page, { encoding });
    const empty = ltx.encodeLtx(testing.fileSpec());
    const written = [
      ["`LTX1`, 0x", hex(empty.subarray(0, 4)).join("")],
      ["no database checksums", `0x${hex(empty.subarray(4, 8)).join("")}`],
      ["a payload size follows", `0x${hex(frame("block").subarray(4, 6)).join("")}`],
      ["at once: header", `\`${hex(frame("frame").subarray(6, 13)).join(" ")}\``],
      ["for the text `123456789`", ltx.crc64(new TextEncoder().encode("123456789")).toString(16)],
      ["for an empty database", `\`${ltx.formatChecksum(ltx.EMPTY_DATABASE_CHECKSUM)}\``],
    ] as const;
    const paragraphs = readme.split(/\n\n|\n(?=\|)/);
    for (const [words, number] of written) {
      const found = paragraphs.find((one) => one.replaceAll("\n", " ").includes(words));
      expect(`${words}: ${found}`).toContain(number);
    }
    expect(frame("frame").subarray(4, 6)).toEqual(new Uint8Array(2));
  });

  it("has every limit with its value", () => {
    const limits = tableUnder("## Limits").map(([name, value]) => [unquoted(name), value]);
    const constants: Readonly<Record<string, unknown>> = { ...ltx };
    for (const [name, value] of limits) expect(String(constants[name as string])).toBe(value);
    const exported = Object.keys(ltx).filter((name) => /_(MIN|MAX)$/.test(name));
    const sizes = ["FILE_SIZE_MIN"];
    const missing = exported.filter(
      (name) => !sizes.includes(name) && !limits.some(([limit]) => limit === name),
    );
    expect(missing).toEqual([]);
  });

  it("has every error with its remedy", () => {
    const rows = tableUnder("## Errors").map((row) => [unquoted(row[0]), row[2]?.split("`")[1]]);
    const errors = ltx.LTX_ERROR_CODES.map((code) => [code, new ltx.LtxError(code, "").remedy]);
    expect(new Map(rows as [string, string][])).toEqual(new Map(errors as [string, string][]));
  });

  it("names every export", () => {
    const api = readme.split("\n## API\n")[1]?.split("\n## ")[0] ?? "";
    const named = new Set(api.match(/`[A-Za-z_0-9]+`/g));
    const exported = (path: string) =>
      [...read(path).matchAll(/export \{([^}]*)\}/g)].flatMap(([, names]) =>
        (names as string)
          .split(",")
          .map((name) => name.replace("type ", "").trim())
          .filter((name) => name !== ""),
      );
    const names = exported("../src/index.ts");
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name) => !named.has(`\`${name}\``))).toEqual([]);
    const helpers = exported("../src/testing/index.ts").filter((name) => name in testing);
    expect(helpers.filter((name) => !named.has(`\`${name}\``))).toEqual([]);
  });

  describe("examples", () => {
    const modules: Readonly<Record<string, unknown>> = {
      "@headwater/ltx": ltx,
      "@headwater/ltx/testing": testing,
    };
    const examples = [...readme.matchAll(/^```js\n([\s\S]*?)^```/gm)].map((match) => match[1]);

    it.each(examples.map((code, number) => [number + 1, code as string]))(
      "number %i runs, and prints what it says",
      async (_, code) => {
        const body = code.replace(
          /^import (\{[^}]*\}) from ("[^"]+");$/gm,
          "const $1 = modules[$2];",
        );
        const printed: string[] = [];
        const fakeConsole = { log: (...values: unknown[]) => printed.push(values.join(" ")) };
        const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
        await new AsyncFunction("modules", "console", body)(modules, fakeConsole);
        const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)];
        for (const [, text] of promised) {
          expect(printed).toContain((text as string).replace(/(\d)n/g, "$1"));
        }
      },
    );

    it("are all found", () => {
      expect(examples.length).toBe(5);
    });
  });
});
