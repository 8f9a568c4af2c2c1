/**
 * XML as stores write it: elements and text.
 *
 * Not by a library: the one at hand takes as long to load as all the rest of a cold start, and
 * many times as long for a page of a listing (docs/decisions/0017-s3-client.md).
 *
 * Always true:
 *   - What is not well formed, or ends too early, is nothing.
 *   - No text is trimmed: keys may begin and end with spaces.
 *   - A document type, which could define entities of its own, is refused. Attributes are skipped.
 */

import { XML_DEPTH_MAX } from "../limits.ts";

export class XmlElement {
  /** Without the prefix of its namespace. */
  readonly name: string;
  readonly children: XmlElement[] = [];
  /** Its own, without that of its children. */
  text = "";

  constructor(name: string) {
    this.name = name;
  }

  child(name: string): XmlElement | undefined {
    return this.children.find((each) => each.name === name);
  }

  /** Undefined where there is no such child. */
  textOf(name: string): string | undefined {
    return this.child(name)?.text;
  }

  childrenOf(name: string): readonly XmlElement[] {
    return this.children.filter((each) => each.name === name);
  }
}

const NAMED: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["apos", "'"],
  ["gt", ">"],
  ["lt", "<"],
  ["quot", '"'],
]);

const NAMES = new Map(Array.from(NAMED, ([name, character]) => [character, name]));

/** A slash for an end tag, the name, attributes, a slash for an element without content. */
const TAG = /<(\/?)(?:[^\s<>/:"'=]+:)?([^\s<>/:"'=]+)(?:[^<>"'/]|"[^"<]*"|'[^'<]*')*(\/?)>/y;

/** What is skipped, or taken as it stands: its beginning and its end. */
const SECTIONS = [
  ["<?", "?>"],
  ["<!--", "-->"],
  ["<![CDATA[", "]]>"],
] as const;

/** The outermost element. */
export function parseXml(xml: string): XmlElement | undefined {
  const document = new XmlElement("");
  const open = [document];
  let at = xml.charCodeAt(0) === 0xfe_ff ? 1 : 0;
  while (at < xml.length) {
    const element = open.at(-1) as XmlElement;
    const next = xml.indexOf("<", at);
    const textEnd = next === -1 ? xml.length : next;
    if (textEnd > at) element.text += decodeText(xml.slice(at, textEnd));
    if (next === -1) break;
    const isSection = xml[next + 1] === "?" || xml[next + 1] === "!";
    const section = isSection && SECTIONS.find(([begin]) => xml.startsWith(begin, next));
    if (section) {
      const [begin, finish] = section;
      const end = xml.indexOf(finish, next + begin.length);
      if (end === -1) return undefined;
      if (begin === "<![CDATA[") element.text += xml.slice(next + begin.length, end);
      at = end + finish.length;
      continue;
    }
    TAG.lastIndex = next;
    // Taken apart by an iterator, it would be most of the work of a listing.
    const tag = TAG.exec(xml);
    if (tag === null) return undefined;
    const isEnd = tag[1] !== "";
    const name = tag[2]!;
    const isEmpty = tag[3] !== "";
    at = TAG.lastIndex;
    if (isEnd) {
      if (open.length === 1 || open.pop()?.name !== name) return undefined;
    } else {
      const child = new XmlElement(name);
      element.children.push(child);
      if (!isEmpty) open.push(child);
      if (open.length > XML_DEPTH_MAX) return undefined;
    }
  }
  const isWhole = open.length === 1 && document.children.length === 1;
  return isWhole && document.text.trim() === "" ? document.children[0] : undefined;
}

/** Text as it is written between tags. */
export function encodeText(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&${NAMES.get(character)};`);
}

function decodeText(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(
    /&(?:#x([\da-f]{1,6})|#(\d{1,7})|([a-z]+));/gi,
    (whole, hex, digits, name) => {
      if (name !== undefined) return NAMED.get(name) ?? whole;
      const code = hex === undefined ? Number(digits) : Number.parseInt(hex, 16);
      return code <= 0x10_ff_ff ? String.fromCodePoint(code) : whole;
    },
  );
}
