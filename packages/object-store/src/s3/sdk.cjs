// The SDK's part for credentials, fetched by `require`. An `import` of it has every file searched for
// the names of its exports first, which takes as long as running them. This file hides them from
// that search.
//
// Because of the `try`, bundlers go on where the SDK is not installed: whoever calls for it is told
// then.
try {
  exports.sdk = require("@aws-sdk/credential-providers");
} catch (cause) {
  throw new Error("the SDK cannot be loaded", { cause });
}
