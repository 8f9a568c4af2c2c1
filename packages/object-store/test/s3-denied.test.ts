/**
 * S3 denies what is missing to who may not list. The usual case is a policy that allows to list one
 * folder only: the condition is on the prefix of a listing, and a get has none.
 */

import { describe, expect, it } from "vitest";
import {
  type Call,
  create,
  failureOf,
  get,
  head,
  listAnswer,
  type Script,
  withServer,
} from "./scripted-s3.ts";
import { type Answer, errorAnswer, type SeenRequest } from "./scripted-server.ts";

const DENIED = errorAnswer(403, "AccessDenied");
const isList = ({ query }: SeenRequest) => query.has("list-type");

/** Denies every object, and answers listings so. */
const denying =
  (listing: Answer): Script =>
  (request) => {
    if (isList(request)) return listing;
    return request.method === "HEAD" ? { status: 403 } : DENIED;
  };

describe.each<readonly [string, Call]>([
  ["get", get],
  ["head", head],
])("a %s that is denied", (_name, call) => {
  it("says that there is no such object, when a listing does", async () => {
    for (const keys of [[], ["k2"]]) {
      await withServer(denying(listAnswer(keys)), {}, async (store, seen) => {
        expect((await failureOf(call(store))).code).toBe("OBJECT_NOT_FOUND");
        expect(seen).toHaveLength(2);
        expect(seen[1]?.query.get("prefix")).toBe("k");
        expect(seen[1]?.query.get("max-keys")).toBe("1");
      });
    }
  });

  it("stays denied when the listing shows the object, or is denied too", async () => {
    for (const listing of [listAnswer(["k"]), DENIED]) {
      const error = await withServer(denying(listing), {}, (store) => failureOf(call(store)));
      expect(error.code).toBe("FORBIDDEN");
      expect(error.message).toContain("s3:ListBucket");
    }
  });

  it("is answered when the object came in between", async () => {
    let isThere = false;
    const script: Script = (request) => {
      if (isList(request)) {
        isThere = true;
        return listAnswer(["k"]);
      }
      if (isThere) return { status: 200, headers: { etag: '"v"' }, body: "" };
      return request.method === "HEAD" ? { status: 403 } : DENIED;
    };
    await withServer(script, {}, (store) => call(store));
  });

  it("tells that the store could not be asked, not that nothing is there", async () => {
    const busy = denying(errorAnswer(503, "SlowDown"));
    const error = await withServer(busy, {}, (store) => failureOf(call(store)));
    expect(error.code).toBe("THROTTLED");
    const reset = denying({ status: 0, instead: "reset" });
    const lost = await withServer(reset, {}, (store) => failureOf(call(store)));
    expect(lost.code).toBe("UNAVAILABLE");
  });
});

describe("what is denied for good", () => {
  it("is a put, of which nothing is asked again", async () => {
    await withServer(denying(listAnswer([])), {}, async (store, seen) => {
      expect((await failureOf(create(store))).code).toBe("FORBIDDEN");
      expect(seen).toHaveLength(1);
    });
  });

  it("are wrong keys: they are named, also where a HEAD cannot", async () => {
    const wrong = denying(errorAnswer(403, "SignatureDoesNotMatch"));
    const error = await withServer(wrong, {}, (store) => failureOf(head(store)));
    expect(error.code).toBe("UNAUTHENTICATED");
    expect(error.message).toMatch(/^head k .*secret/);
  });
});
