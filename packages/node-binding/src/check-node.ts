/**
 * Stops with one sentence on a Node.js that is too old, before anything is loaded that would crash.
 *
 * Imported for its effect only, and first by native.ts, which loads the binary.
 */

const OLDEST = 22;

const major = Number.parseInt(process.versions.node, 10);
if (major < OLDEST) {
  throw new Error(
    `@headwater/node-binding needs Node.js ${OLDEST} or newer; this is ${process.version}`,
  );
}
