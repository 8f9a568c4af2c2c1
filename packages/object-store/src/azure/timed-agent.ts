/**
 * Sockets that are kept, are never more than so many, and end by themselves when the other side is
 * silent: within one time while they are being connected, within another afterwards.
 */

import { type AgentOptions, Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Socket } from "node:net";
import { tellFailures } from "../broken-connection.ts";
import { sharedLookup } from "../shared-lookup.ts";

export interface TimedAgentOptions {
  readonly secure: boolean;
  readonly socketsMax: number;
  readonly connectMsMax: number;
  readonly idleMsMax: number;
}

/** The code of the error of a socket that was not connected in time; Node's name for the like. */
export const CONNECT_TIMEOUT = "ERR_SOCKET_CONNECTION_TIMEOUT";
const IDLE_TIMEOUT = "ETIMEDOUT";

export function makeTimedAgent(options: TimedAgentOptions): HttpAgent {
  const { connectMsMax, idleMsMax, secure, socketsMax } = options;
  // Node takes the time from here again each time that a socket was used.
  const settings: AgentOptions = {
    keepAlive: true,
    lookup: sharedLookup(),
    maxSockets: socketsMax,
    timeout: idleMsMax,
  };
  const agent = secure ? new HttpsAgent(settings) : new HttpAgent(settings);
  const createConnection = agent.createConnection.bind(agent);
  agent.createConnection = (target, callback) => {
    const socket = createConnection(target, callback);
    endWhenSilent(socket as Socket, secure ? "secureConnect" : "connect", connectMsMax, idleMsMax);
    return socket;
  };
  return agent;
}

function endWhenSilent(
  socket: Socket,
  connected: "connect" | "secureConnect",
  connectMsMax: number,
  idleMsMax: number,
): void {
  tellFailures(socket, connected);
  let code = CONNECT_TIMEOUT;
  socket.setTimeout(connectMsMax);
  socket.once(connected, () => {
    code = IDLE_TIMEOUT;
    socket.setTimeout(idleMsMax);
  });
  socket.on("timeout", () => {
    socket.destroy(Object.assign(new Error("the other side is silent"), { code }));
  });
}
