// The SDK's part for credentials, fetched by `require`. An `import` of it has every file searched for
// the names of its exports first, which takes as long as running them. This file hides them from
// that search.
const sdk = require("@aws-sdk/credential-providers");

exports.sdk = sdk;
