import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodeRecord, RETRY } from "../src/index.ts";
import * as limits from "../src/limits.ts";

const packageFolder = join(import.meta.dirname, "..");
const readme = readFileSync(join(packageFolder, "README.md"), "utf8");
const root = mkdtempSync(join(tmpdir(), "headwater-lease-"));

afterAll(() => rmSync(root, { recursive: true, force: true }));

/** What the examples take for granted; a block that imports stands by itself. */
const GIVEN = `
import { acquireLease, systemClock } from "@headwater/lease";
import { MemoryStore } from "@headwater/object-store/memory";
const store = new MemoryStore();
const [key, owner] = ["lock.json", "me"];
let count = 0;
const nextKey = () => \`work/\${count}\`;
const nextBody = () => new Uint8Array(3);
const acknowledge = () => {
  count += 1;
  console.log("acknowledged", count);
  if (count === 3) sleptMs = 3_600_000;
};
// A machine that can sleep for an hour.
let sleptMs = 0;
const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + sleptMs };
const finishWork = async () => console.log("finished");
`;
const LEASE = "const lease = await acquireLease({ store, key, owner, clock, ttlMs: 30_000 });\n";

function run(code: string): {
  readonly stdout: string;
  readonly stderr: string;
  readonly status: number | null;
} {
  const flags = ["--conditions=@headwater/source", "--disable-warning=ExperimentalWarning"];
  const input = ["--input-type=module-typescript", "--eval", code];
  return spawnSync(process.execPath, [...flags, ...input], {
    cwd: packageFolder,
    encoding: "utf8",
    timeout: 20_000,
  });
}

describe("README", () => {
  const blocks = [...readme.matchAll(/```ts\n(.*?)```/gs)].map(([, code = ""]) => code);
  const [first = "", work = "", wait = "", handOver = ""] = blocks;

  it("has the examples that are run here, and no others", () => {
    expect(blocks).toHaveLength(4);
    expect(readme.match(/```ts no-run/g)).toHaveLength(1);
  });

  it("begins with an example that runs, and gives the lease back at its end", () => {
    const { stdout, stderr } = run(first.replace("/var/lib/jobs", root));
    expect(stderr).toBe("");
    expect(stdout).toBe("mine, generation 1\n");
    const record = JSON.parse(readFileSync(join(root, "nightly/lock.json"), "utf8"));
    expect(record).toMatchObject({ generation: 1, released: true });
    expect(run(first.replace("/var/lib/jobs", root)).stdout).toBe("mine, generation 2\n");
  });

  it("has a loop that acknowledges until the lease is lost, and nothing after", () => {
    const { stdout, stderr } = run(`${GIVEN}${LEASE}${work}`);
    expect(stdout).toBe("acknowledged 1\nacknowledged 2\nacknowledged 3\n");
    expect(stderr).toContain("LEASE_LOST");
  });

  it("waits for its turn", () => {
    const other = LEASE.replace("const lease", "const other");
    const release = "setTimeout(() => other.release(), 100);\n";
    const print = 'console.log("generation", lease.generation);\nawait lease.release();\n';
    const { stdout, stderr } = run(`${GIVEN}${other}${release}${wait}${print}`);
    expect(stderr).toBe("");
    expect(stdout).toBe("generation 2n\n");
  });

  it("hands over", () => {
    const next = LEASE.replace("const lease", "const next");
    const then = `${next}console.log(lease.state.type, next.generation);`;
    const { stdout, stderr } = run(`${GIVEN}${LEASE}${handOver}${then}`);
    expect(stderr).toBe("");
    expect(stdout).toBe("finished\nreleased 2n\n");
  });

  it("says rightly that a lease keeps no process alive, and that waiting for one does", () => {
    // Held and neither released nor awaited: the process ends by itself, long before the TTL does.
    const held = run(`${GIVEN}${LEASE.replace("30_000", "3_600_000")}console.log("end");`);
    expect(held).toMatchObject({ stdout: "end\n", stderr: "", status: 0 });
    const other = LEASE.replace("const lease", "const other");
    // A timer that keeps nothing alive either, so that only the wait does.
    const stop = "setTimeout(() => store.delete(key), 300).unref();\n";
    const waiting = LEASE.replace("ttlMs", "wait: true, ttlMs");
    const waited = run(`${GIVEN}${other}${stop}${waiting}console.log(lease.generation);`);
    expect(waited).toMatchObject({ stdout: "1n\n", stderr: "", status: 0 });
  });

  it("tells every error code with what may be done next", () => {
    for (const code of Object.keys(RETRY)) expect(readme).toContain(`\n| \`${code}\``);
  });

  it("has a row for each field of the record, and none more", () => {
    const record = {
      generation: 1n,
      expiresAtMs: 0,
      owner: "a",
      ttlMs: 30_000,
      nonce: "0",
      released: true,
    };
    const fields = Object.keys(JSON.parse(new TextDecoder().decode(encodeRecord(record))));
    const rows = [...readme.matchAll(/^\| `(\w+)` +\| (Litestream|ours) /gm)];
    expect(rows.map(([, name]) => name)).toEqual(fields);
  });

  it("tells the limits as they are", () => {
    expect(limits).toMatchObject({
      TTL_MS_MIN: 1_000,
      TTL_MS_MAX: 3_600_000,
      OWNER_LENGTH_MAX: 256,
      RECORD_BYTES_MAX: 16 * 1024,
      ATTEMPTS_MAX: 5,
      FOREIGN_TTL_MS_DEFAULT: 30_000,
      FOREIGN_TTL_MS_MAX: 600_000,
    });
    const table = readme.replace(/ +/g, " ");
    for (const row of [
      "| `ttlMs` | 1 s to 1 h |",
      "| `owner` | 256 characters |",
      "| record | 16 KiB |",
      "| attempts of a call | 5 |",
      "| a foreign record | 30 s to 10 min |",
    ]) {
      expect(table).toContain(row);
    }
  });
});
