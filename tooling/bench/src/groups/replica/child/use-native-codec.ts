/**
 * Has the bare requests decoded by the codec that Headwater decodes with.
 */

import { setCodec } from "@headwater/ltx";
import { nativeCodec } from "@headwater/node-binding";

export function useNativeCodec(): void {
  setCodec(nativeCodec);
}
