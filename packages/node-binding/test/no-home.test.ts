/**
 * Users without a home folder, as containers have them.
 */

import { expect, it, vi } from "vitest";
import { toEngineOptions } from "../src/options.ts";

vi.mock("node:os", async (original) => ({
  ...(await original<typeof import("node:os")>()),
  homedir: () => {
    throw new Error("uv_os_homedir returned ENOENT");
  },
}));

const url = "s3://bucket/app.db";

it("a user without a home folder may read, and write where a folder is named", () => {
  expect(toEngineOptions({ url }, {}).journalDir).toBe("");
  expect(toEngineOptions({ url, mode: "write", journalDir: "/data" }, {}).journalDir).toBe("/data");
  const state = toEngineOptions({ url, mode: "write" }, { XDG_STATE_HOME: "/state" }).journalDir;
  expect(state).toMatch(/^\/state\/headwater\/app\.db-[0-9a-f]{16}$/);
  expect(() => toEngineOptions({ url, mode: "write" }, {})).toThrow(
    expect.objectContaining({
      code: "OPTION_INVALID",
      message: expect.stringContaining("journalDir"),
    }),
  );
});
