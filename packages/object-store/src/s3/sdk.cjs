// The SDK, fetched by `require`. An `import` of it has every file searched for the names of its
// exports first, which takes as long as running them: a third of a cold start. This file hides them
// from that search.
const sdk = require("@aws-sdk/client-s3");

exports.sdk = sdk;
