/**
 * `npm run demo`: a writer, a reader and a hydrated reader of one database in object storage.
 */

import { Command } from "commander";
import { runDemo } from "./run-demo.ts";

const command = new Command("demo")
  .description("Three fresh processes share one SQLite database that lives in object storage.")
  .option("--url <url>", "a bucket to use, as s3://bucket/path; by default a temporary folder")
  .option("--keep", "leave the database where it is", false)
  .parse();

process.exitCode = await runDemo(command.opts<{ url?: string; keep: boolean }>());
