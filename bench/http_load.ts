/**
 * A load of HTTP requests over plain sockets, one request at a time on each: a client so thin that the server is what
 * is measured.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { Bytes } from "../core/bytes.ts";
import { concat, utf8 } from "../core/bytes.ts";

/** What is sent, and for how long. */
export interface Load {
  readonly url: string;
  /** Bodies of POST requests, taken in turn. */
  readonly bodies: readonly Bytes[];
  readonly connections: number;
  readonly durationMs: number;
}

/** What came back. */
export interface LoadResult {
  readonly perSecond: number;
  /** One answer's body. */
  readonly sample: Bytes;
}

const BODY_START = utf8("\r\n\r\n");

/** Runs a load. Every answer must be a 200; what is in it is for the caller to judge. */
export async function runLoad({ url, bodies, connections, durationMs }: Load): Promise<LoadResult> {
  const { hostname, port, host, pathname } = new URL(url);
  const requests = bodies.map((body) =>
    concat(
      utf8(
        `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\naccept: application/cbor\r\n` +
          `content-type: application/cbor\r\ncontent-length: ${body.length}\r\n\r\n`,
      ),
      body,
    )
  );
  let sent = 0;
  let sample: Bytes = new Uint8Array();
  const start = performance.now();
  const end = start + durationMs;
  await Promise.all(Array.from({ length: connections }, async () => {
    using socket = await Deno.connect({ hostname, port: Number(port) });
    socket.setNoDelay(true);
    const buffer = new Uint8Array(256 * 1024);
    while (performance.now() < end) {
      const request = requests[sent++ % requests.length] as Bytes;
      for (let at = 0; at < request.length;) at += await socket.write(request.subarray(at));
      sample = await readAnswer(socket, buffer);
    }
  }));
  return { perSecond: 1000 * sent / (performance.now() - start), sample };
}

async function readAnswer(socket: Deno.Conn, buffer: Uint8Array<ArrayBuffer>): Promise<Bytes> {
  let filled = 0;
  let bodyStart = -1;
  let length = 0;
  do {
    const count = await socket.read(buffer.subarray(filled));
    assert(count !== null, "the server closed");
    filled += count;
    if (bodyStart >= 0) continue;
    const at = indexOf(buffer.subarray(0, filled), BODY_START);
    if (at < 0) continue;
    const head = new TextDecoder().decode(buffer.subarray(0, at));
    assert.match(head, /^HTTP\/1.1 200 /);
    bodyStart = at + BODY_START.length;
    length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
  } while (bodyStart < 0 || filled < bodyStart + length);
  return buffer.slice(bodyStart, bodyStart + length);
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (
    let at = bytes.indexOf(wanted[0] as number);
    at >= 0;
    at = bytes.indexOf(wanted[0] as number, at + 1)
  ) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
