import { letGo } from "@headwater/object-store";
import type { Clock } from "./clock.ts";
import { ENCODE_BATCH_BYTES } from "./limits.ts";

/**
 * The pieces as one. Empties `pieces`, and each one's memory goes as soon as it was copied: no byte
 * is held twice. Others get their turn after about every megabyte.
 */
export async function joinPieces(pieces: Uint8Array[], clock: Clock): Promise<Uint8Array> {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.byteLength, 0));
  let at = 0;
  let pausedAt = 0;
  for (const piece of pieces.splice(0)) {
    whole.set(piece, at);
    at += piece.byteLength;
    letGo(piece);
    if (at - pausedAt < ENCODE_BATCH_BYTES) continue;
    pausedAt = at;
    await clock.yield();
  }
  return whole;
}
