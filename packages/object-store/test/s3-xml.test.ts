/** XML as stores write it, and as nobody should. */

import { seededRandom } from "@headwater/object-store/testing";
import { XMLParser } from "fast-xml-parser";
import { describe, expect, it } from "vitest";
import { encodeText, parseXml, type XmlElement } from "../src/s3/s3-xml.ts";

const text = (xml: string) => parseXml(xml)?.text;

describe("XML", () => {
  it("is read with its declaration, namespaces, comments, attributes and spaces", () => {
    const xml =
      '\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- <a> -->\n' +
      '<s3:List xmlns:s3="http://s3" a=\'>\' b="/>">\n  <s3:Key > k </s3:Key>\n' +
      '  <Empty/><Empty x="/" /><Key><![CDATA[<a>&amp;]]> b</Key>\n</s3:List>\n';
    const list = parseXml(xml);
    expect(list?.name).toBe("List");
    expect(list?.childrenOf("Key").map((each) => each.text)).toEqual([" k ", "<a>&amp; b"]);
    expect(list?.childrenOf("Empty").map((each) => each.text)).toEqual(["", ""]);
    expect(list?.textOf("Missing")).toBeUndefined();
  });

  it.each([
    ["&amp;&lt;&gt;&quot;&apos;", "&<>\"'"],
    ["&#65;&#x41;&#x1F600;", "AA😀"],
    ["&amp;lt;", "&lt;"],
    ["&unknown; & &; &#; &#x110000;", "&unknown; & &; &#; &#x110000;"],
    ["&constructor;&__proto__;", "&constructor;&__proto__;"],
  ])("holds %s as %s", (written, expected) => {
    expect(text(`<a>${written}</a>`)).toBe(expected);
  });

  it.each([
    "",
    " ",
    "text",
    "<a>",
    "<a",
    "<a><b></a></b>",
    "</a>",
    "<a></a><b></b>",
    "<a></a>text",
    "text<a></a>",
    "<a><!-- </a>",
    "<a><![CDATA[ </a>",
    "<?xml",
    '<a b="></a>',
    "<a></b>",
    "< a></a>",
    '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    `${"<a>".repeat(100)}${"</a>".repeat(100)}`,
    "<html><body>Not here<br></body></html>",
  ])("is nothing when it is %j", (xml) => {
    expect(parseXml(xml)).toBeUndefined();
  });

  it("that is cut anywhere is nothing", () => {
    const xml = '<List><Key a="b">k&amp;</Key><!-- c --><Size>1</Size></List>';
    for (let end = 0; end < xml.length; end += 1) {
      expect(parseXml(xml.slice(0, end)), xml.slice(0, end)).toBeUndefined();
    }
  });

  it("that goes on for long is read in one pass", () => {
    for (const xml of [
      `<a ${'"'.repeat(200_001)}`,
      `<a ${"/".repeat(200_000)}`,
      "<".repeat(200_000),
    ]) {
      expect(parseXml(xml)).toBeUndefined();
    }
    expect(text(`<a>${"&amp;".repeat(100_000)}</a>`)).toHaveLength(100_000);
  });

  it("is read as a parser for all of XML reads it", () => {
    const parser = new XMLParser({
      htmlEntities: true,
      ignoreAttributes: true,
      parseTagValue: false,
      trimValues: false,
      preserveOrder: true,
    });
    const random = seededRandom(7);
    const anyOf = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? "";
    const word = () => Array.from({ length: random() * 8 }, () => anyOf(LETTERS)).join("");
    const tree = (depth: number): string => {
      const tag = anyOf(["Key", "Size", "a", "b-c", "d.e"]);
      const deeper = () => Array.from({ length: random() * 4 }, () => tree(depth - 1)).join("");
      const inner = depth > 0 && random() < 0.7 ? deeper() : encodeText(word());
      return `<${tag}>${inner}</${tag}>`;
    };
    for (let round = 0; round < 300; round += 1) {
      const xml = tree(4);
      const expected = shapesOf(parser.parse(xml) as Parsed[]);
      expect([shapeOf(parseXml(xml))], xml).toEqual(expected);
    }
  });
});

const LETTERS = [..."aZ09 \t!&<>\"'/=;-ß日😀"];

type Shape = readonly [string, string, readonly Shape[]];
type Parsed = Readonly<Record<string, unknown>>;

function shapeOf(element: XmlElement | undefined): Shape {
  if (element === undefined) throw new Error("nothing was read");
  return [element.name, element.text, element.children.map(shapeOf)];
}

function shapesOf(nodes: readonly Parsed[]): Shape[] {
  return nodes
    .filter((node) => !("#text" in node))
    .map((node) => {
      const [[name, inner]] = Object.entries(node) as [[string, Parsed[]]];
      const texts = inner.map((each) => each["#text"] ?? "");
      return [name, texts.join(""), shapesOf(inner)];
    });
}
