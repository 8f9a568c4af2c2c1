import { limited, prefixed, retrying } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { objectStoreContract } from "@headwater/object-store/testing";
import { type AzureConnection, useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";

const part = "azure on Azurite";
const answer = await useServer("azurite", `ObjectStore contract: ${part}`);
if (answer.available) contractOn(answer.connection);
else describe.skip(`ObjectStore contract: ${part}`, () => it(answer.reason, () => undefined));

function contractOn(connection: AzureConnection): void {
  const { account, accountKey, bucket, endpoint } = connection;
  let count = 0;
  const open = async () => {
    const container = { account, accountKey, container: bucket, endpoint };
    // Azure's own pages are of 5000 keys, which Azurite takes a minute to store.
    const store = await openAzureStore({ ...container, listPageKeys: 500 });
    count += 1;
    return prefixed(store, `contract-${process.pid}/${count}/`);
  };
  objectStoreContract({ name: part, open });
  objectStoreContract({
    name: `retrying(limited(prefixed(${part})))`,
    open: async () => retrying(limited(prefixed(await open(), "a/b/"), { parallelMax: 16 })),
  });
}
