import type { ClientRequest } from "node:http";
import { BODY_PIECE_BYTES } from "./limits.ts";

/**
 * Writes a body and ends the request. A large one goes in pieces, each when the one before has
 * gone: TLS encrypts all that it is given at once, so that a body would be held twice, and cannot
 * take 2 GiB.
 */
export function writeBody(sent: ClientRequest, parts: readonly Uint8Array[]): void {
  if (parts.every(({ byteLength }) => byteLength <= BODY_PIECE_BYTES)) {
    // With the head in one packet.
    sent.cork();
    for (const part of parts) sent.write(part);
    sent.end();
    return;
  }
  const pieces = parts.flatMap(piecesOf);
  let next = 0;
  const writeOn = () => {
    while (next < pieces.length) {
      const hasRoom = sent.write(pieces[next]);
      next += 1;
      if (hasRoom) continue;
      sent.once("drain", writeOn);
      return;
    }
    sent.end();
  };
  writeOn();
}

/** What a connection can take at a time, without copies. */
export function piecesOf(body: Uint8Array): Uint8Array[] {
  const count = Math.ceil(body.byteLength / BODY_PIECE_BYTES);
  return Array.from({ length: count }, (_, index) =>
    body.subarray(index * BODY_PIECE_BYTES, (index + 1) * BODY_PIECE_BYTES),
  );
}
