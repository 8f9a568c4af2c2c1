import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate of nobody's and its key; undefined where there is nothing to make them with. */
export function tlsIdentity(): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  const folder = mkdtempSync(join(tmpdir(), "tls-identity-"));
  const [key, cert] = [join(folder, "key"), join(folder, "cert")];
  const args = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"];
  try {
    const files = ["-keyout", key, "-out", cert, "-subj", "/CN=localhost"];
    execFileSync("openssl", [...args, ...files], { stdio: "ignore" });
    return { cert: readFileSync(cert), key: readFileSync(key) };
  } catch {
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
