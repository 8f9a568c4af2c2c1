/** What tests of this format need, here and in other packages. */

export {
  decodeFileSpec,
  encodeFileSpec,
  type FileSpec,
  type FileSpecInit,
  fileSpec,
} from "./file-spec.ts";
export {
  type RandomChain,
  type RandomChainOptions,
  type RandomFileOptions,
  randomChain,
  randomFile,
  randomPage,
} from "./random-file.ts";
export { SeededRandom } from "./seeded-random.ts";
