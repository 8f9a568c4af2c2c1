/**
 * What a machine lacks, told from what a failed command printed.
 */

/** The first that matches is told. */
const THINGS = [
  {
    printed: /\b(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT)\b/,
    sentence:
      "The npm registry cannot be reached: check the network and what " +
      "`npm config get registry` says, then run the command again.",
  },
  {
    printed: /\b(UNABLE_TO_GET_ISSUER_CERT\w*|SELF_SIGNED_CERT\w*|UNABLE_TO_VERIFY_LEAF\w*)\b/,
    sentence:
      "The npm registry's certificate is not trusted here: name the authority's file in " +
      "NODE_EXTRA_CA_CERTS, then run the command again.",
  },
  {
    printed: /\bENOSPC\b/,
    sentence: "The disk is full: make room, then run the command again.",
  },
  {
    printed: /fatal error: '?(std\w+|string|errno|pthread|unistd|sys\/\w+)\.h\b/,
    sentence:
      "The C compiler does not find the system's headers: install them (on Debian " +
      "`apt-get install libc6-dev`), then run the command again.",
  },
];

/**
 * One sentence, or nothing where it cannot be told.
 *
 * @param {string} printed
 * @returns {string | undefined}
 */
export function missingThing(printed) {
  return THINGS.find((thing) => thing.printed.test(printed))?.sentence;
}
