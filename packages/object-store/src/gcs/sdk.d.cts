import type * as Sdk from "@google-cloud/storage";

export declare const sdk: typeof Sdk;
