import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ModuleReference, ObjectStoreError, openStore } from "@headwater/object-store";
import { afterAll, describe, expect, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "store-module-"));
afterAll(() => rmSync(folder, { recursive: true }));

const SECRET = "tOpSeCrEt";
const ABILITIES = `conditionalCreate conditionalUpdate conditionalDelete suffixRange orderedList
  startAfter serverDate storedTimestamp listedTimestamp`.split(/\s+/);
let count = 0;

function write(name: string, code: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
  return path;
}

function moduleOf(code: string): string {
  count += 1;
  return write(`module-${count}.mjs`, code);
}

async function failureOf(reference: ModuleReference): Promise<string> {
  const error = await openStore(reference).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!ObjectStoreError.is(error, "CONFIG_INVALID")) throw new Error(`not refused: ${error}`);
  expect(`${error.message} ${error.store}`).not.toContain(SECRET);
  expect(error.message).not.toContain("\n");
  return error.message;
}

/** Every member there is, but for those that are left out. */
const WHOLE = `
  const work = () => {};
  export const make = (options) => {
    const names = ["get", "head", "put", "delete", "deleteMany", "list", "close"];
    const store = Object.fromEntries(names.map((name) => [name, work]));
    const supports = Object.fromEntries(${JSON.stringify(ABILITIES)}.map((name) => [name, false]));
    delete supports[options?.without];
    Object.assign(store, { name: "mine", keyLayout: "path", supports });
    Object.assign(store, { [Symbol.asyncDispose]: work });
    delete store[options?.without === "dispose" ? Symbol.asyncDispose : options?.without];
    return store;
  };`;
const whole = moduleOf(`${WHOLE} export default make`);

describe("a store from a module", () => {
  it.each([
    ["a store", "make()", ""],
    ["a promise of one", "Promise.resolve(make())", ""],
    ["a store and a path", "({ store: make(), path: '/a//b/' })", "a/b"],
    ["a promise of both", "Promise.resolve({ store: make(), path: 'a' })", "a"],
    ["a store alone in its object", "({ store: make() })", ""],
  ])("may be %s", async (_name, expression, expected) => {
    const module = moduleOf(`${WHOLE} export default () => ${expression}`);
    const { store, path } = await openStore({ module });
    expect(store.name).toBe("mine");
    expect(path).toBe(expected);
  });

  it("is found by path, by file URL and by URL object, and is given its options", async () => {
    const path = write(
      "odd name.mjs",
      `${WHOLE}
      export default (options) => Object.assign(make(), { name: JSON.stringify(options) })`,
    );
    const url = pathToFileURL(path);
    for (const module of [path, url, url.href]) {
      const { store } = await openStore({ module, options: { list: [1, { deep: true }] } });
      expect(store.name).toBe('{"list":[1,{"deep":true}]}');
    }
  });

  it("passes on what its function rejects with, if that is an error of a store", async () => {
    const errors = pathToFileURL(join(import.meta.dirname, "../src/errors.ts")).href;
    const module = moduleOf(`import { ObjectStoreError } from "${errors}";
      export default async () => {
        throw new ObjectStoreError("FORBIDDEN", "not you", { store: "mine" });
      }`);
    await expect(openStore({ module })).rejects.toMatchObject({ code: "FORBIDDEN" });
  });

  it.each([
    ["./my-store.js", /pass new URL\("\.\/my-store\.js", import\.meta\.url\)/],
    ["../my-store.js", /pass new URL\(/],
    ["data:text/javascript,export default 1", /the module data: .*only file: URLs/],
    ["https://host/x.js", /only file: URLs/],
    ["", /"module" must be/],
    [undefined as never, /"module" must be/],
    ["no-such-package-anywhere", /cannot be found from .*import\.meta\.resolve\("no-such-package/],
    [join(folder, "missing.mjs"), /missing\.mjs cannot be used: it cannot be loaded/],
    [moduleOf("export default ("), /it cannot be loaded/],
    [moduleOf("throw new Error('first line\\nsecond')"), /it cannot be loaded: first line$/],
    [moduleOf("export const open = () => {}"), /its default export must be a function/],
    [moduleOf("export default {}"), /its default export must be a function/],
    [moduleOf("export default async () => { throw new Error('no disk') }"), /failed: no disk$/],
    [moduleOf("export default () => {}"), /no ObjectStore: it is undefined/],
    [moduleOf("export default () => null"), /no ObjectStore: it is null/],
    [moduleOf("export default () => ({ store: 7 })"), /no ObjectStore: it is number/],
    [moduleOf(`${WHOLE} export default () => ({ store: make(), path: 7 })`), /path .* no string/],
    [moduleOf(`${WHOLE} export default () => ({ store: make(), path: "../x" })`), /"\.\."/],
  ])("is refused in one sentence: %s", async (module, message) => {
    expect(await failureOf({ module, options: { key: SECRET } })).toMatch(message);
  });

  it.each<readonly [string, RegExp]>([
    ...["get", "head", "put", "delete", "deleteMany", "list", "close"].map(
      (name) => [name, new RegExp(`has no method ${name}$`)] as const,
    ),
    ["dispose", /has no method Symbol\(Symbol\.asyncDispose\)$/],
    ["name", /has no name$/],
    ["keyLayout", /its keyLayout is neither/],
    ["supports", /its supports\.conditionalCreate is no boolean$/],
    ...ABILITIES.map(
      (name) => [name, new RegExp(`its supports\\.${name} is no boolean$`)] as const,
    ),
  ])("is refused without its %s", async (without, message) => {
    const options = { without, key: SECRET };
    expect(await failureOf({ module: whole, options })).toMatch(message);
  });

  it("has options that are plain data, as they were when it was asked for", async () => {
    const options = { call: () => SECRET };
    expect(await failureOf({ module: whole, options })).toMatch(/its options are not plain data/);
  });
});

describe("a package as the module", () => {
  const install = (name: string, exports: object) => {
    const manifest = JSON.stringify({ name, version: "1.0.0", type: "module", exports });
    write(`app/node_modules/${name}/package.json`, manifest);
    const code = `${WHOLE} export default () => Object.assign(make(), { name: "from ${name}" })`;
    write(`app/node_modules/${name}/index.js`, code);
  };
  install("anyhow", { default: "./index.js" });
  install("import-only", { import: "./index.js" });
  const source = pathToFileURL(join(import.meta.dirname, "../src/index.ts")).href;
  const main = write(
    "app/the #1 main.mjs",
    `
    import { openStore } from "${source}";
    const say = (text) => console.log(text);
    for (const module of process.argv.slice(2)) {
      const opening = openStore({ module });
      await opening.then(({ store }) => say(store.name), (error) => say(error.message));
    }
    const module = import.meta.resolve("import-only");
    await openStore({ module }).then(({ store }) => say(store.name));
  `,
  );
  const link = join(folder, "link.mjs");
  symlinkSync(main, link);

  it.each([
    ["file", main],
    ["link to it", link],
  ])("is looked for from the program's main file, started by %s", (_name, file) => {
    const args = ["--no-warnings", "--conditions=@headwater/source", file];
    const packages = ["anyhow", "import-only"];
    const { stdout, stderr } = spawnSync(process.execPath, [...args, ...packages], {
      cwd: tmpdir(),
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    const [anyhow, importOnly, resolved] = stdout.split("\n");
    expect(anyhow).toBe("from anyhow");
    expect(importOnly).toMatch(/no such entry for require: pass import\.meta\.resolve\("import-/);
    expect(resolved).toBe("from import-only");
  });
});
