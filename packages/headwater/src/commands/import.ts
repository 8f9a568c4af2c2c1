/** `headwater import`: a database file becomes a replica. */

import { importDatabase } from "@headwater/vfs-core/offline";
import type { Command } from "commander";
import {
  type CommonOptions,
  examples,
  type Kit,
  type LeaseOptions,
  leaseChoiceOf,
  leaseOptions,
  openReplicaAt,
  replicaCommand,
} from "../command-kit.ts";
import { openLocalDatabase } from "../database/local-database.ts";
import { useNativeCode } from "../native-code.ts";
import { formatBytes } from "../output/units.ts";

type ImportOptions = CommonOptions & LeaseOptions;

export function addImport(program: Command, kit: Kit): void {
  // The file comes first: things go from left to right.
  const command = leaseOptions(replicaCommand(program, "import", "Make a replica of a database"));
  command.description(
    "Make a replica of a database file, with what is in its write-ahead log. The file stays as " +
      "it is, and may be written to meanwhile (where it is in WAL mode; else writers wait): what " +
      "is imported is its state at the beginning. " +
      "Where a replica is already, nothing is done.",
  );
  command.argument("<file>", "the database file");
  examples(command, [
    ["import s3://bucket/app.db app.db", "put it into the bucket"],
    ["verify --compare app.db s3://bucket/app.db", "see that it is there"],
  ]).action(async (url: string, path: string, options: ImportOptions) => {
    const lease = leaseChoiceOf(options);
    const { printer, io } = kit;
    await useNativeCode();
    await using database = await openLocalDatabase(path, io.signal);
    if (database.pageCount === 0) {
      throw new Error(`${path} is empty: there is nothing to import until it has a table`);
    }
    await using opened = await openReplicaAt(url, options, kit);
    const bytesTotal = database.pageSize * database.pageCount;
    const result = await importDatabase(opened, database, {
      lease,
      signal: io.signal,
      onProgress: (bytesDone) => printer.progress("importing", bytesDone, bytesTotal),
    });
    printer.result(result, () => {
      const { name } = opened.replica;
      const sizes = `${formatBytes(bytesTotal)} in an object of ${formatBytes(result.size)}`;
      return `${name}: transaction ${result.txid}, ${sizes}\n`;
    });
  });
}
