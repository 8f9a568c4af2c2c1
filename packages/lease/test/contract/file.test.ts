import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileStore } from "@headwater/object-store/file";
import { afterAll } from "vitest";
import { leaseContract } from "../../src/testing/index.ts";

const root = mkdtempSync(join(tmpdir(), "headwater-lease-"));

afterAll(() => rmSync(root, { recursive: true, force: true }));

leaseContract({ name: "file", open: async () => new FileStore({ root }) });
