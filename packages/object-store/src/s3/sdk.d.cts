import type * as Sdk from "@aws-sdk/client-s3";

export declare const sdk: typeof Sdk;
