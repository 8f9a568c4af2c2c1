/**
 * Store URLs: taken apart, and made fit to be shown.
 *
 * Done by hand where `URL` would change a bucket name or refuse an access point's ARN.
 */

export interface StoreUrl {
  /** Without the colon, in lower case. */
  readonly scheme: string;
  /** What stands before "@", without a password; of an `abs:` URL the storage account. */
  readonly user: string;
  /** As written, without userinfo. */
  readonly host: string;
  /** Percent-decoded, from its first slash. */
  readonly path: string;
  readonly query: URLSearchParams;
}

const SHAPE = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\0-\x1f\x7f]/g;
const ACCOUNT = /^[A-Za-z0-9-]{1,63}$/;
const ACCESS_POINT = /^(arn:[^/?#]*:accesspoint\/[^/?#]+)([^?#]*)$/i;

/** Undefined for what is no URL. */
export function parseStoreUrl(url: string): StoreUrl | undefined {
  const match = SHAPE.exec(url);
  if (match === null) return undefined;
  const [, scheme = "", authority = "", rawPath = "", rawQuery = ""] = match;
  const user = userOf(authority);
  let host = authority.slice(authority.lastIndexOf("@") + 1);
  let path = rawPath;
  const accessPoint = ACCESS_POINT.exec(host + rawPath);
  if (accessPoint !== null) [, host = "", path = ""] = accessPoint;
  try {
    path = decodeURIComponent(path);
  } catch {
    return undefined;
  }
  return { scheme: scheme.toLowerCase(), user, host, path, query: new URLSearchParams(rawQuery) };
}

/**
 * The URL as messages may show it: no user, no password, no query, no fragment. The user of an
 * `abs:` URL stays: it is no secret there, but says which of many containers of one name is meant.
 */
export function redactUrl(url: string): string {
  const match = SHAPE.exec(url.replace(CONTROL, encodeURIComponent));
  if (match === null) return "(not a URL)";
  const [, scheme = "", authority, path = ""] = match;
  // Keys of AWS have slashes in them, at which the authority ends.
  const spilled = spilledKeys(authority, path);
  if (spilled !== undefined) return `${scheme}://${spilled.rest}`;
  if (authority === undefined) return `${scheme}:${path}`;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const user = scheme.toLowerCase() === "abs" ? userOf(authority) : "";
  // What is no name may be a key that was put in its place.
  const account = ACCOUNT.test(user) ? user : "";
  return `${scheme}://${account === "" ? "" : `${account}@`}${host}${path}`;
}

/** True for `s3://ID:sec/ret@bucket`, which looks like a bucket `ID:sec` with an odd path. */
export function holdsSpilledKeys(url: string): boolean {
  const match = SHAPE.exec(url);
  return match !== null && spilledKeys(match[2], match[3] ?? "") !== undefined;
}

function spilledKeys(
  authority: string | undefined,
  path: string,
): { readonly rest: string } | undefined {
  if (authority?.includes("@")) return undefined;
  const all = `${authority ?? ""}${path}`;
  const begin = authority ?? path;
  // A port is digits, and an access point's name has its colons for good.
  if (!/^(?!arn:)[^:/@]+:(?!\d+(\/|$))/i.test(begin) || !all.includes("@")) return undefined;
  return { rest: all.slice(all.lastIndexOf("@") + 1) };
}

function userOf(authority: string): string {
  const userinfo = authority.slice(0, Math.max(0, authority.lastIndexOf("@")));
  return userinfo.replace(/:.*$/s, "");
}

/**
 * Throws RangeError for a name that means nothing: a misspelt endpoint would else be the provider
 * itself. What has no value, or is no name, may be a secret. `known`: with other spellings.
 */
export function checkQueryNames(
  query: URLSearchParams,
  names: readonly string[],
  known: readonly string[] = names,
): void {
  const unknown = [...query].find(([name]) => !known.includes(name));
  if (unknown === undefined) return;
  const [name, value] = unknown;
  const shown = value !== "" && /^[a-z][a-z0-9-]{0,29}$/i.test(name) ? ` "${name}"` : "";
  const there = names.length === 1 ? `there is ${names[0]}` : `there are ${names.join(", ")}`;
  throw new RangeError(`the query of the URL has a name${shown} that means nothing; ${there}`);
}

/**
 * Without empty and "." segments, so that one place has one name. Throws RangeError for "..", and
 * for the end of a line that a file of variables has brought along.
 */
export function cleanPath(path: string): string {
  if (path.search(CONTROL) >= 0) {
    throw new RangeError("a store URL must not have line ends or other control characters");
  }
  const segments = path.split("/").filter((segment) => segment !== "" && segment !== ".");
  if (segments.includes("..")) throw new RangeError('a store URL must not have ".." in its path');
  return segments.join("/");
}
