/**
 * Failures of a connection that stood. TLS and the network give them the codes of one that could
 * not be made, and yet the other side may have had a request.
 */

import type { Socket } from "node:net";

/** What else means that nothing was sent, or that the other side is not to be trusted. */
const LIKE_UNMADE = /^(EPROTO|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL$|ERR_SSL)/;

/** With TLS 1.3, a server that wants a certificate of ours says so only after the handshake. */
const REFUSED = /ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED/;

/** From now on, a failure of this socket has the code of one that broke: ECONNRESET. */
export function tellBroken(socket: Socket): void {
  socket.prependListener("error", (error: NodeJS.ErrnoException) => {
    const { code = "" } = error;
    if (LIKE_UNMADE.test(code) && !REFUSED.test(code)) error.code = "ECONNRESET";
  });
}
