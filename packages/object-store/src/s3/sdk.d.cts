import type * as Sdk from "@aws-sdk/credential-providers";

export declare const sdk: typeof Sdk;
