/**
 * A TCP connection that reads frames and writes bytes, and says by values, never by exceptions, that it is over.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Verdict } from "../../core/errors.ts";
import { makeFrameSplitter } from "./frame.ts";

const READ_BYTES = 64 * 1024;

/** One TCP connection. One reader and one writer at a time. */
export interface FrameSocket extends Disposable {
  /** The other end's IP address. */
  readonly remoteHost: string;
  /** Bytes so far, partial frames included: how liveness is seen without a clock. */
  readonly bytesRead: () => number;
  /** Bytes so far that the system took. */
  readonly bytesWritten: () => number;
  /** The next frame's payload, a refusal after which the caller closes, or null when the connection is over. */
  readonly read: (limitBytes: number) => Promise<Verdict<Bytes> | null>;
  /** Writes all of `bytes`; false when the connection is over. */
  readonly write: (bytes: Uint8Array) => Promise<boolean>;
  /** Ends the connection: a waiting read gives null, a waiting write false. Calling it again does nothing. */
  readonly close: () => void;
}

/** Takes over a connection. */
export function makeFrameSocket(conn: Deno.TcpConn): FrameSocket {
  sendAtOnce(conn);
  const splitter = makeFrameSplitter();
  let buffer: Bytes | undefined;
  let bytesRead = 0;
  let bytesWritten = 0;
  let closed = false;

  const fill = async (): Promise<boolean> => {
    // Made at the first read, so that a connection which never speaks costs no buffer of ours.
    buffer ??= new Uint8Array(READ_BYTES);
    const count = await conn.read(buffer).catch(() => null);
    if (count === null || closed) return false;
    bytesRead += count;
    splitter.push(buffer.subarray(0, count));
    return true;
  };

  const close = () => {
    if (closed) return;
    closed = true;
    conn.close();
  };

  return {
    remoteHost: conn.remoteAddr.hostname,
    bytesRead: () => bytesRead,
    bytesWritten: () => bytesWritten,
    read: async (limitBytes) => {
      for (;;) {
        const frame = splitter.take(limitBytes);
        if (frame !== "more") return frame;
        if (closed || !await fill()) return null;
      }
    },
    write: async (bytes) => {
      for (let offset = 0; offset < bytes.length;) {
        const count = closed ? null : await conn.write(bytes.subarray(offset)).catch(() => null);
        if (count === null) return false;
        offset += count;
        bytesWritten += count;
      }
      return !closed;
    },
    close,
    [Symbol.dispose]: close,
  };
}

/** A vote does not wait for more bytes to fill a packet. */
function sendAtOnce(conn: Deno.TcpConn): void {
  try {
    conn.setNoDelay(true);
  } catch {
    // Some systems refuse it once the peer has gone; the next read says so.
  }
}
