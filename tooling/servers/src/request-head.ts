/**
 * The head of one HTTP/1.1 request to an S3 server: what kind it is and how its body ends.
 */

export const REQUEST_KINDS = [
  "get",
  "getRange",
  "list",
  "head",
  "put",
  "delete",
  "deleteMany",
  "other",
] as const;

export type RequestKind = (typeof REQUEST_KINDS)[number];

export type BodyForm =
  | { readonly type: "none" }
  | { readonly type: "length"; readonly length: number }
  | { readonly type: "chunked" };

export interface RequestHead {
  readonly kind: RequestKind;
  readonly body: BodyForm;
}

/** `text` ends before the empty line. */
export function parseRequestHead(text: string): RequestHead {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  let body: BodyForm = { type: "none" };
  let ranged = false;
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === "content-length" && body.type !== "chunked") {
      const length = Number(value);
      if (length > 0) body = { type: "length", length };
    } else if (name === "transfer-encoding" && /chunked/i.test(value)) {
      body = { type: "chunked" };
    } else if (name === "range") {
      ranged = true;
    }
  }
  return { kind: kindOf(method, target, ranged), body };
}

function kindOf(method: string, target: string, ranged: boolean): RequestKind {
  const question = target.indexOf("?");
  const query = question < 0 ? "" : target.slice(question + 1);
  switch (method) {
    case "GET":
      if (/(^|&)(list-type|prefix|delimiter|marker)=/.test(query)) return "list";
      if (/(^|&)(location|versioning|uploads|policy)(=|&|$)/.test(query)) return "other";
      return ranged ? "getRange" : "get";
    case "HEAD":
      return "head";
    case "PUT":
      return "put";
    case "DELETE":
      return "delete";
    case "POST":
      return /(^|&)delete(=|&|$)/.test(query) ? "deleteMany" : "other";
    default:
      return "other";
  }
}
