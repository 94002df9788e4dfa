/**
 * Caps on the connections of clients: in all, and from one address, so that one client with many connections does not
 * lock the others out. What is beyond a cap is closed at once; when it gets tight, connections that only wait for a
 * next request go first.
 *
 * @module
 */
import type http from "node:http";
import type { Socket } from "node:net";
import type { LIMITS } from "../../../core/limits.ts";
import { clientName } from "../admission.ts";

/** The caps. */
export type ConnectionLimits = Pick<
  Record<keyof typeof LIMITS, number>,
  "httpConnections" | "httpConnectionsPerAddress"
>;

/** Share of all connections from which on idle ones are closed. */
const TIGHT = 0.75;

/** Applies the caps to a server. */
export function capConnections(server: http.Server, limits: ConnectionLimits): void {
  const perAddress = new Map<string, number>();
  let open = 0;

  server.maxConnections = limits.httpConnections;
  server.on("connection", (socket: Socket) => {
    // The address is gone once the socket has closed: so the name is taken now, for both sides of the count.
    const name = clientName(socket.remoteAddress ?? "");
    const count = (perAddress.get(name) ?? 0) + 1;
    perAddress.set(name, count);
    open++;
    socket.once("close", () => {
      open--;
      const left = (perAddress.get(name) ?? 1) - 1;
      if (left === 0) perAddress.delete(name);
      else perAddress.set(name, left);
    });
    if (count > limits.httpConnectionsPerAddress) socket.destroy();
    else if (open > limits.httpConnections * TIGHT) server.closeIdleConnections();
  });
}
