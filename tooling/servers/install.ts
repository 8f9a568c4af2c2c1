/**
 * Installs servers into `.servers` of this repository: `node tooling/servers/install.ts ceph`.
 *
 * Says nothing when there is nothing to do; says in one sentence why when it cannot.
 */

import { installCeph } from "./src/install-ceph.ts";

const INSTALLERS: Readonly<Record<string, () => Promise<void>>> = { ceph: installCeph };

const names = process.argv.slice(2);
if (names.length === 0) names.push(...Object.keys(INSTALLERS));
for (const name of names) {
  const install = Object.hasOwn(INSTALLERS, name) ? INSTALLERS[name] : undefined;
  try {
    if (install === undefined) {
      throw new Error(`there is no server ${name}; there are: ${Object.keys(INSTALLERS)}`);
    }
    await install();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
