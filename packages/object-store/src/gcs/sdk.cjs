// Google's SDK, fetched by `require`, which takes half of the time and of the memory that an `import`
// of it does.
//
// Because of the `try`, bundlers go on where the SDK is not installed: whoever calls for it is told
// then.
try {
  exports.sdk = require("@google-cloud/storage");
} catch (cause) {
  throw new Error("the SDK cannot be loaded", { cause });
}
