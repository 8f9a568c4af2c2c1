import { prefixed } from "@headwater/object-store";
import { openAzureStore } from "@headwater/object-store/azure";
import { useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";
import { leaseContract } from "../../src/testing/index.ts";

const part = "azure on Azurite";
const answer = await useServer("azurite", `lease contract: ${part}`);
if (answer.available) {
  const { account, accountKey, bucket, endpoint } = answer.connection;
  const open = () => openAzureStore({ account, accountKey, container: bucket, endpoint });
  leaseContract({
    name: part,
    open: async () => prefixed(await open(), `lease-contract-${process.pid}/`),
  });
} else {
  describe.skip(`lease contract: ${part}`, () => it(answer.reason, () => undefined));
}
