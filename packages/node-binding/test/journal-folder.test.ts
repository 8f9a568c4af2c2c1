/** Which folder commits wait in when nobody names one. */

import { isAbsolute } from "node:path";
import { describe, expect, it } from "vitest";
import { defaultJournalDir, journalFolderName } from "../src/options.ts";

const url = "s3://bucket/some/app.db";
const name = (
  options: Parameters<typeof journalFolderName>[0],
  env: Readonly<Record<string, string>> = {},
) => journalFolderName(options, env);

describe("the default journal folder", () => {
  it("is another one for each server that the URL can mean, however that is told", () => {
    const names = [
      name({ url }),
      name({ url, storeOptions: { endpoint: "http://one:9000" } }),
      name({ url: `${url}?endpoint=http%3A%2F%2Ftwo%3A9000&region=r` }),
      name({ url }, { LITESTREAM_S3_ENDPOINT: "http://three:9000" }),
      name({ url }, { AWS_ENDPOINT_URL_S3: "http://four:9000" }),
      name({ url }, { AWS_ENDPOINT_URL: "http://five:9000" }),
      name({ url: "s3://bucket/other/app.db" }),
    ];
    expect(new Set(names).size).toBe(names.length);
    for (const each of names) expect(each).toMatch(/^app\.db-[0-9a-f]{16}$/);
  });

  it("is the same one for the same server, however that is told", () => {
    const endpoint = "http://one:9000";
    const names = [
      name({ url, storeOptions: { endpoint } }),
      name({ url, storeOptions: { endpoint: `${endpoint}/` } }),
      name({ url: `${url}?endpoint=${encodeURIComponent(endpoint)}` }),
      name({ url: `${url}?region=r&endpoint=${endpoint}` }),
      name({ url }, { LITESTREAM_S3_ENDPOINT: endpoint, AWS_ENDPOINT_URL: "http://other" }),
      name({ url, storeOptions: { endpoint } }, { LITESTREAM_S3_ENDPOINT: "http://other" }),
    ];
    expect(new Set(names).size).toBe(1);
  });

  it("does not depend on what is no part of the place", () => {
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b", AWS_REGION: "c" };
    expect(name({ url: `${url}?region=r` }, keys)).toBe(name({ url }));
    const ours = "abs://account@container/app.db";
    expect(name({ url: ours }, { AZURE_STORAGE_ACCOUNT: "b" })).toBe(name({ url: ours }));
    const file = "file:///data/app.db";
    const endpoints = { AWS_ENDPOINT_URL: "http://one", TIGRIS_STORAGE_ENDPOINT: "http://two" };
    expect(name({ url: file }, endpoints)).toBe(name({ url: file }));
  });

  it("knows the accounts and servers of other stores by their variables", () => {
    for (const [other, variable] of [
      ["abs://container/app.db", "AZURE_STORAGE_ACCOUNT"],
      ["gs://bucket/app.db", "STORAGE_EMULATOR_HOST"],
      ["tigris://bucket/app.db", "TIGRIS_STORAGE_ENDPOINT"],
    ] as const) {
      expect(name({ url: other }, { [variable]: "one" }), variable).not.toBe(name({ url: other }));
    }
  });

  it("lies in the home folder unless a variable names another, from the root on", () => {
    const folder = (state: string | undefined) =>
      defaultJournalDir({ url }, state === undefined ? {} : { XDG_STATE_HOME: state });
    expect(folder("/state")).toMatch(/^\/state\/headwater\/app\.db-/);
    const atHome = folder(undefined);
    expect(isAbsolute(atHome)).toBe(true);
    for (const state of ["", "state", "./state"]) expect(folder(state)).toBe(atHome);
  });
});
