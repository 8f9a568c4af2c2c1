/**
 * Failures of a connection, by whether it stood. TLS and the network have the same codes for one
 * that could not be made as for one that broke when the other side may have had a request.
 */

import type { Socket } from "node:net";

/** What else means that nothing was sent, or that the other side is not to be trusted. */
const LIKE_UNMADE = /^(EPROTO|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL$|ERR_SSL)/;

/** With TLS 1.3, a server that wants a certificate of ours says so only after the handshake. */
const REFUSED = /ALERT_.*CERTIFICATE|ALERT_UNKNOWN_CA|ALERT_ACCESS_DENIED/;

/** What else means that a connection broke, or that there could be none for want of a file. */
const LIKE_BROKEN = /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EMFILE|ENFILE|ENOBUFS)$/;

/** The code of a failure of the latter kind begins so when there was no connection yet. */
const CONNECTING = "CONNECTING_";

const BEFORE_SENDING =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|E(HOST|NET)UNREACH|EADDRNOTAVAIL|CONNECTING_\w+)$/;

const told = new WeakSet<Socket>();

/** Whether a failure with this code came before a byte of the request could reach the store. */
export function wasNotSent(code: string): boolean {
  return BEFORE_SENDING.test(code);
}

/** For a socket that is being connected, until `event`: its failures have codes that tell. */
export function tellFailures(socket: Socket, event: "connect" | "secureConnect"): void {
  if (told.has(socket)) return;
  told.add(socket);
  let isConnected = false;
  socket.once(event, () => {
    isConnected = true;
  });
  socket.prependListener("error", (error: NodeJS.ErrnoException) => {
    const { code = "" } = error;
    if (isConnected) {
      if (LIKE_UNMADE.test(code) && !REFUSED.test(code)) error.code = "ECONNRESET";
    } else if (LIKE_BROKEN.test(code)) {
      error.code = `${CONNECTING}${code}`;
    }
  });
}
