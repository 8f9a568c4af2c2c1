import { ObjectStoreError, openStore, redactUrl } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { cleanPath, parseStoreUrl } from "../src/store-url.ts";

describe("redactUrl", () => {
  it("leaves no user, password, query or fragment", () => {
    expect(redactUrl("s3://AKIA:sEcr3t@bucket/path?endpoint=http://u:p@h&k=v#f")).toBe(
      "s3://bucket/path",
    );
    expect(redactUrl("s3://user@host@bucket/p")).toBe("s3://bucket/p");
    expect(redactUrl("file:///data/my%20db?x=1")).toBe("file:///data/my%20db");
    expect(redactUrl("memory:name")).toBe("memory:name");
    expect(redactUrl("postgres secret")).toBe("(not a URL)");
    expect(redactUrl("s3://bucket/a\r\n")).toBe("s3://bucket/a%0D%0A");
  });
});

describe("keys in a URL that have slashes", () => {
  const spilled = ["s3://AKIA:abc/def@bucket/db", "s3:AKIA:abc/def@bucket/db", "s3://A:/d:e/f@b/c"];

  it.each(spilled)("are shown by no name and no error (%s)", async (url) => {
    const failed = await openStore(url, { env: {} }).catch((error: unknown) => error);
    expect(ObjectStoreError.is(failed, "CONFIG_INVALID")).toBe(true);
    expect(String(failed)).toContain("keys do not belong into a store URL");
    for (const shown of [redactUrl(url), String(failed)]) {
      expect(shown).not.toMatch(/AKIA|abc|def|e\/f/);
    }
  });

  it.each([
    "s3://bucket.host:9000/user@example.com/db",
    "s3://bucket/a:b@c",
    "s3://tenant:bucket/db",
    "s3://arn:aws:s3:eu-west-1:123456789012:accesspoint/point/a@b",
    "file:/data/a:b@c.db",
  ])("are no colon or @ of another kind (%s)", (url) => {
    expect(redactUrl(url)).toBe(url);
  });
});

describe("parseStoreUrl", () => {
  it("keeps the host as written and decodes the path", () => {
    const url = parseStoreUrl("S3://user:pw@My_Bucket/a%20b/c?region=eu-west-1#x");
    expect(url).toMatchObject({ scheme: "s3", host: "My_Bucket", path: "/a b/c" });
    expect(url?.query.get("region")).toBe("eu-west-1");
  });

  it("takes an access point's ARN, slash included, for the host", () => {
    const arn = "arn:aws:s3:eu-west-1:123456789012:accesspoint/point";
    expect(parseStoreUrl(`s3://${arn}/db/main`)).toMatchObject({ host: arn, path: "/db/main" });
    expect(parseStoreUrl(`s3://${arn}`)).toMatchObject({ host: arn, path: "" });
  });

  it("knows what is no URL", () => {
    for (const text of ["", "bucket/path", "//bucket", "s3", "file:///%zz"]) {
      expect(parseStoreUrl(text)).toBeUndefined();
    }
  });
});

describe("cleanPath", () => {
  it("gives one name to one place, and none to what leaves it", () => {
    expect(cleanPath("//a/./b///c/")).toBe("a/b/c");
    expect(cleanPath("")).toBe("");
    expect(cleanPath("/")).toBe("");
    expect(() => cleanPath("/a/../b")).toThrow(RangeError);
    for (const path of ["/a\r", "/a\n/b", "/a\0"])
      expect(() => cleanPath(path)).toThrow(RangeError);
  });
});
