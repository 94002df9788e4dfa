/**
 * Network addresses as operators write them: `host:port`, `192.0.2.1:7000`, `[2001:db8::1]:7000`.
 * Refuses a missing or impossible port, brackets around anything but IPv6, IPv6 without brackets, and blanks.
 *
 * @module
 */
import { isIPv4, isIPv6 } from "node:net";
import { EXIT, VnfchainError } from "../../core/errors.ts";

/** Where to connect to or to listen. */
export interface Address {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** From 1; 0 only for a listener that takes any free port. */
  readonly port: number;
}

const HOST_NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?)*\.?$/;

/**
 * Reads `host:port`.
 *
 * @throws VnfchainError `address` when the text is anything else.
 */
export function parseAddress(text: string, options: { anyPort?: boolean } = {}): Address {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  const hostFits = bracketed === undefined ? isHost(plain ?? "") : isIPv6(bracketed);
  const portFits = port <= 65535 && (port > 0 || options.anyPort === true);
  if (host === undefined || !hostFits || !portFits) {
    throw new VnfchainError(`reading an address: it is ${JSON.stringify(text)}, wanted host:port`, {
      code: "address",
      hint: "write it as node1.example:7000, 192.0.2.1:7000 or [2001:db8::1]:7000",
      exitCode: EXIT.usage,
    });
  }
  return { host, port };
}

/** A text that {@link parseAddress} reads back. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function isHost(text: string): boolean {
  // Digits and dots alone are meant as IPv4: 10.0.0.256 is a slip, not a name.
  return /^[0-9.]*$/.test(text) ? isIPv4(text) : HOST_NAME.test(text);
}
