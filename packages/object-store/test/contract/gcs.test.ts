import { limited, type ObjectStore, prefixed, retrying } from "@headwater/object-store";
import { openGcsStore } from "@headwater/object-store/gcs";
import { objectStoreContract } from "@headwater/object-store/testing";
import { type GcsConnection, useServer } from "@headwater/servers/testing";
import { describe, it } from "vitest";

const part = "gs on our fake of GCS";
const answer = await useServer("gcs-fake", `ObjectStore contract: ${part}`);
if (answer.available) contractOn(answer.connection);
else describe.skip(`ObjectStore contract: ${part}`, () => it(answer.reason, () => undefined));

function contractOn({ bucket, endpoint }: GcsConnection): void {
  const run = `contract-${process.pid}`;
  let count = 0;
  const open = async (): Promise<ObjectStore> => {
    count += 1;
    return prefixed(await openGcsStore({ bucket, endpoint }), `${run}/${count}/`);
  };
  objectStoreContract({ name: part, open });
  objectStoreContract({
    name: `retrying(limited(prefixed(${part})))`,
    open: async () => retrying(limited(await open(), { parallelMax: 16 })),
  });
}
