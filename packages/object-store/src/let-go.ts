/**
 * Gives back the memory of bytes that nobody uses any more, now and not when the garbage collector
 * comes: of what passes by the megabyte it finds nothing for a while, and meanwhile every new piece
 * is memory that was not touched before. Bytes that share their memory with others stay.
 */
export function letGo({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
