import {
  ContainerClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
} from "@azure/storage-blob";
import {
  checkConditions,
  type ObjectStore,
  ObjectStoreError,
  openStore,
} from "@headwater/object-store";
import { type AzureStoreOptions, openAzureStore } from "@headwater/object-store/azure";
import { useServer } from "@headwater/servers/testing";
import { describe, expect, it } from "vitest";

const part = "azure: errors, metadata and credentials on Azurite";
const answer = await useServer("azurite", part);
const ALWAYS = { condition: { type: "none" } } as const;
const BODY = new TextEncoder().encode("body");

async function codeOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return ObjectStoreError.is(error) ? `${error.code}: ${error.message}` : String(error);
}

describe.skipIf(!answer.available)(part, () => {
  const connection = answer.available ? answer.connection : undefined;
  const { account = "", accountKey = "", bucket = "", endpoint = "" } = connection ?? {};
  const open = (options: Partial<AzureStoreOptions> = {}) =>
    openAzureStore({ account, accountKey, container: bucket, endpoint, ...options });
  const container = () => {
    const credential = new StorageSharedKeyCredential(account, accountKey);
    return new ContainerClient(`${endpoint}/${bucket}`, credential);
  };

  async function everyCall(store: ObjectStore): Promise<string[]> {
    return [
      await codeOf(store.get("k")),
      await codeOf(store.head("k")),
      await codeOf(store.put("k", BODY, { condition: { type: "if-absent" } })),
      await codeOf(store.delete("k")),
      await codeOf(store.deleteMany(["k"])),
      await codeOf(store.list("")[Symbol.asyncIterator]().next()),
    ];
  }

  it("a missing container is a mistake of the configuration, for every call", async () => {
    await using store = await open({ container: "no-such-container" });
    for (const code of await everyCall(store)) {
      expect(code).toMatch(/^CONFIG_INVALID: .*container no-such-container does not exist at 127/);
    }
  });

  it("a wrong key is refused by name, and not shown", async () => {
    const wrong = Buffer.from("wrong").toString("base64");
    await using store = await open({ accountKey: wrong });
    for (const code of await everyCall(store)) {
      expect(code).toMatch(/^(UNAUTHENTICATED|FORBIDDEN): /);
      expect(code).toContain(new URL(endpoint).host);
      expect(code).not.toContain(wrong);
    }
  });

  it("a SAS token is used for what it allows, and no more", async () => {
    const url = await container().generateSasUrl({
      permissions: ContainerSASPermissions.parse("rl"),
      expiresOn: new Date(Date.now() + 600_000),
    });
    await using writer = await open();
    await writer.put("sas/k", BODY, ALWAYS);
    const sasToken = new URL(url).search;
    const options = { env: {}, sasToken, endpoint: new URL(endpoint).origin };
    const opened = await openStore(`abs://${account}@${bucket}/sas`, options);
    await using reader = opened.store;
    expect((await reader.get("sas/k")).meta.size).toBe(4);
    for await (const { key } of reader.list("sas/")) expect(key).toBe("sas/k");
    const refused = await codeOf(reader.put("sas/k", BODY, ALWAYS));
    expect(refused).toMatch(/^FORBIDDEN: .*SAS token|^FORBIDDEN: .*right/);
    expect(refused).not.toContain("sig");
  });

  it("a connection string opens the same store", async () => {
    const fields = { AccountName: account, AccountKey: accountKey, BlobEndpoint: endpoint };
    const parts = Object.entries(fields).map(([name, value]) => `${name}=${value}`);
    const env = { AZURE_STORAGE_CONNECTION_STRING: parts.join(";") };
    const opened = await openStore(`abs://${bucket}/string`, { env });
    await using store = opened.store;
    expect(store.name).toBe(`abs://${account}@${bucket}`);
    expect(store.place).toBe(`${endpoint}/${bucket}`);
    expect(await codeOf(store.head("string/none"))).toMatch(/^OBJECT_NOT_FOUND/);
  });

  it("keeps content type, access tier and timestamp where Litestream has them", async () => {
    await using store = await open();
    const timestampMs = Date.UTC(2026, 0, 15, 10, 30, 25, 630);
    await store.put("like/litestream", BODY, { ...ALWAYS, timestampMs, noCache: true });
    const properties = await container().getBlobClient("like/litestream").getProperties();
    expect(properties).toMatchObject({
      accessTier: "Hot",
      blobType: "BlockBlob",
      cacheControl: "no-store",
      contentType: "application/octet-stream",
      metadata: { litestreamtimestamp: "2026-01-15T10:30:25.63Z" },
    });
  });

  it("does not take one of Azure's leases for a lost race", async () => {
    await using store = await open();
    const { version } = await store.put("leased", BODY, ALWAYS);
    const lease = container().getBlobClient("leased").getBlobLeaseClient();
    await lease.acquireLease(15);
    try {
      const swap = { condition: { type: "if-version", version } } as const;
      expect(await codeOf(store.put("leased", BODY, swap))).toMatch(/^FORBIDDEN: .*leases/);
      expect(await codeOf(store.delete("leased", swap))).toMatch(/^FORBIDDEN: .*leases/);
      expect(await codeOf(store.put("leased", BODY, ALWAYS))).toMatch(/^FORBIDDEN: .*leases/);
    } finally {
      await lease.releaseLease();
    }
    await store.delete("leased");
  });

  it("gives another version to the same bytes", async () => {
    await using store = await open();
    const first = await store.put("same", BODY, ALWAYS);
    const second = await store.put("same", BODY, ALWAYS);
    expect(second.version).not.toBe(first.version);
  });

  it("keeps keys with a leading slash apart from those without", async () => {
    await using store = await open();
    const key = "/ltx/0/0000000000000001-0000000000000001.ltx";
    await store.put(key, BODY, ALWAYS);
    expect((await store.get(key)).meta.key).toBe(key);
    expect(await codeOf(store.head(key.slice(1)))).toContain("OBJECT_NOT_FOUND");
    for await (const meta of store.list("/ltx/")) expect(meta.key).toBe(key);
    await store.delete(key);
  });

  it("keeps its conditions", async () => {
    await using store = await open();
    expect(await checkConditions(store, { prefix: "check/" })).toEqual({
      conditionalCreate: undefined,
      conditionalUpdate: undefined,
    });
  });
});
