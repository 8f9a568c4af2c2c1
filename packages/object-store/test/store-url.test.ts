import { redactUrl } from "@headwater/object-store";
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
  });
});
