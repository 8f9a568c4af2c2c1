/** A program that knows nothing of mounts, and prints what comes of the opening of one. */

import { subscribe } from "node:diagnostics_channel";
import Database from "better-sqlite3";

// The engine keeps no program alive.
const alive = setInterval(() => undefined, 1000);
const told = new Promise<unknown>((resolve) => subscribe("headwater:open", resolve));
const database = new Database("file:app.db?vfs=litestream");
database.prepare("select count(*) from item").get();
const { mode, mount, txid } = (await told) as Record<string, unknown>;
console.log(`${mode} ${mount} ${txid}`);
clearInterval(alive);
database.close();
