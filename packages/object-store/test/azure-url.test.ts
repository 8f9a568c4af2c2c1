import { openStore, redactUrl } from "@headwater/object-store";
import { describe, expect, it } from "vitest";
import { type AzureOverrides, parseAzureUrl } from "../src/azure/azure-url.ts";
import { parseConnectionString } from "../src/azure/connection-string.ts";
import { parseStoreUrl, type StoreUrl } from "../src/store-url.ts";
import type { Environment } from "../src/system.ts";

const KEY = "c2VjcmV0";
const SAS = "sv=2026-01-01&sp=rl&sig=secret%3D";
const TOLD = `AccountName=told;AccountKey=${KEY}`;
const STRING = `DefaultEndpointsProtocol=https;${TOLD};EndpointSuffix=core.windows.net`;

function locate(url: string, env: Environment = {}, overrides: AzureOverrides = {}) {
  return parseAzureUrl(parseStoreUrl(url) as StoreUrl, env, overrides);
}

describe("abs: URLs", () => {
  it("name account, container and path, as Litestream's do", () => {
    const { options, path } = locate("abs://acct@container/my%20db//main/");
    expect(path).toBe("my db/main");
    expect(options).toMatchObject({ account: "acct", container: "container" });
    expect(options.endpoint).toBeUndefined();
    expect(locate("abs://acct@container").path).toBe("");
  });

  it("may leave the account to an option, a connection string or the environment", () => {
    const env = { AZURE_STORAGE_ACCOUNT: "fromenv" };
    expect(locate("abs://c/p", env).options.account).toBe("fromenv");
    expect(locate("abs://inurl@c/p", env).options.account).toBe("inurl");
    const connectionString = STRING;
    expect(locate("abs://c/p", env, { connectionString }).options.account).toBe("told");
    expect(locate("abs://inurl@c/p", env, { account: "given" }).options.account).toBe("given");
    expect(() => locate("abs://c/p")).toThrow(/abs:\/\/ACCOUNT@CONTAINER/);
    expect(() => locate("abs://other@c/p", env, { connectionString })).toThrow(/account other/);
  });

  it("use one kind of secret: options first, then Litestream's variables, then Azure's", () => {
    const azure = {
      AZURE_STORAGE_SAS_TOKEN: "sig=azure",
      AZURE_STORAGE_KEY: "YXp1cmU=",
      AZURE_STORAGE_CONNECTION_STRING: STRING,
    };
    const litestream = { LITESTREAM_AZURE_ACCOUNT_KEY: KEY, ...azure };
    const both = { LITESTREAM_AZURE_SAS_TOKEN: SAS, ...litestream };
    const secrets = (env: Environment, overrides: AzureOverrides = {}) => {
      const { accountKey, sasToken } = locate("abs://told@c/p", env, overrides).options;
      return { accountKey, sasToken };
    };
    const accountKey = undefined;
    const sasToken = undefined;
    expect(secrets(both, { accountKey: "b3du" })).toEqual({ accountKey: "b3du", sasToken });
    expect(secrets(both)).toEqual({ accountKey, sasToken: SAS });
    expect(secrets(litestream)).toEqual({ accountKey: KEY, sasToken });
    expect(secrets(azure)).toEqual({ accountKey, sasToken: "sig=azure" });
    expect(secrets({ ...azure, AZURE_STORAGE_SAS_TOKEN: "" })).toEqual({
      accountKey: "YXp1cmU=",
      sasToken,
    });
    expect(secrets({ AZURE_STORAGE_CONNECTION_STRING: STRING })).toEqual({
      accountKey: KEY,
      sasToken,
    });
    expect(secrets({})).toEqual({ accountKey, sasToken });
  });

  it("take the endpoint of an emulator or of another cloud", () => {
    const endpointOf = (endpoint: string) =>
      locate(`abs://acct@c/p?endpoint=${encodeURIComponent(endpoint)}`).options.endpoint;
    expect(endpointOf("http://127.0.0.1:10000")).toBe("http://127.0.0.1:10000/acct");
    expect(endpointOf("http://localhost:10000/")).toBe("http://localhost:10000/acct");
    expect(endpointOf("http://azurite:10000/acct")).toBe("http://azurite:10000/acct");
    expect(endpointOf("https://acct.blob.core.usgovcloudapi.net")).toBe(
      "https://acct.blob.core.usgovcloudapi.net",
    );
    const { options } = locate("abs://told@c/p", {}, { connectionString: STRING });
    expect(options.endpoint).toBe("https://told.blob.core.windows.net");
  });

  it("have no other names in the query, and no SAS token, whose values are not shown", () => {
    const parse = (query: string) =>
      parseAzureUrl(parseStoreUrl(`abs://acct@c/p?${query}`)!, {}, { accountKey: KEY });
    expect(() => parse("endpiont=http://localhost:10000")).toThrow(
      /a name "endpiont" that means nothing; there are endpoint, accessTier/,
    );
    expect(() => parse("sv=2026-01-01&sig=secret")).toThrow(RangeError);
    expect(() => parse("sv=2026-01-01&sig=secret")).not.toThrow(/secret|2026/);
  });

  it("show account, container and path, and nothing else", () => {
    expect(redactUrl(`abs://acct:${KEY}@c/p?sig=secret#f`)).toBe("abs://acct@c/p");
    expect(redactUrl("abs://c/p")).toBe("abs://c/p");
    expect(redactUrl(`abs://${KEY}==@c/p`)).toBe("abs://c/p");
    expect(redactUrl("abs://one@c/p")).not.toBe(redactUrl("abs://two@c/p"));
  });
});

describe("connection strings", () => {
  it("of an account with its key", () => {
    expect(parseConnectionString(`AccountKey=${KEY}==;AccountName=a;`)).toEqual({
      account: "a",
      accountKey: `${KEY}==`,
      endpoint: "https://a.blob.core.windows.net",
    });
  });

  it("with an endpoint of their own, and a SAS token", () => {
    const blob = "BlobEndpoint=https://a.blob.core.windows.net/";
    expect(parseConnectionString(`${blob};SharedAccessSignature=${SAS}`)).toEqual({
      account: "a",
      endpoint: "https://a.blob.core.windows.net/",
      sasToken: SAS,
    });
  });

  it.each([
    "",
    "secret",
    "UseDevelopmentStorage=true",
    "AccountName=secret",
    "=secret;AccountKey=x",
  ])("%j is refused without being shown", (text) => {
    expect(() => parseConnectionString(text)).toThrow(RangeError);
    expect(() => parseConnectionString(text)).not.toThrow(/secret/);
  });
});

describe("openStore of an abs: URL", () => {
  it("gives the container as the store, and the path beside it", async () => {
    const opened = await openStore("abs://acct@container/my/db", { env: {}, accountKey: KEY });
    await using store = opened.store;
    expect(opened.path).toBe("my/db");
    expect(store).toMatchObject({ name: "abs://acct@container", keyLayout: "path" });
  });

  it.each([
    ["abs://container/db", /must name its account/],
    ["abs://acct@/db", /container is empty/],
    ["abs://acct@Not_A_Container/db", /"Not_A_Container" is no container name/],
    ["abs://acct@ab/db", /"ab" is no container name/],
    ["abs://Acct.Dots@container/db", /no name of a storage account/],
    ["abs://acct:secret@container/../db", /"\.\."/],
    ["abs://acct:secret@container/db?endpoint=ftp://secret", /endpoint is no http/],
    ["abs://acct@container/db?endpoint=https://h.com/?sig=secret", /SAS token is an option/],
    ["abs://acct@container/db?endpoint=https://u:secret@h.com", /SAS token is an option/],
  ])("%s is refused in one sentence without secrets", async (url, message) => {
    await expect(openStore(url, { env: {}, accountKey: KEY })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringMatching(message),
    });
    await expect(openStore(url, { env: {}, accountKey: KEY })).rejects.not.toMatchObject({
      message: expect.stringContaining("secret"),
    });
  });

  it.each([
    { accountKey: "not base64 secret" },
    { sasToken: "secret" },
    { connectionString: "AccountName=secret" },
  ])("refuses bad credentials without showing them: %j", async (options) => {
    const opened = openStore("abs://acct@container/db", { env: {}, ...options });
    await expect(opened).rejects.toMatchObject({ code: "CONFIG_INVALID" });
    await expect(opened).rejects.not.toMatchObject({ message: expect.stringContaining("secret") });
  });
});
