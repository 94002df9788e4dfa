/**
 * Clients that do not keep to HTTP: raw bytes over a socket, as slowly or as much as a test wants.
 *
 * @module
 */
import type { Address } from "../../../../consensus/tcp/address.ts";
import { concat, utf8 } from "../../../../core/bytes.ts";

/** What is sent: parts, each after a pause. */
export interface RawRequest {
  readonly parts: readonly (string | Uint8Array)[];
  /** Before each part but the first. */
  readonly pauseMs?: number;
}

/** Where a URL leads. */
export function addressOf(url: string): Address {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
}

/** Sends, and reads until the server closes; `""` when it closes without a word. */
export async function exchange({ host, port }: Address, request: RawRequest | string): Promise<string> {
  const { parts, pauseMs = 0 } = typeof request === "string" ? { parts: [request] } : request;
  using connection = await Deno.connect({ hostname: host, port });
  const reading = readAll(connection);
  let isOver = false;
  const read = reading.then((text) => {
    isOver = true;
    return text;
  });
  try {
    for (const [i, part] of parts.entries()) {
      if (i > 0 && pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (isOver) break;
      await writeAll(connection, typeof part === "string" ? utf8(part) : part);
    }
  } catch {
    // The server has closed: what it said stands in what was read.
  }
  return await read;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let offset = 0; offset < bytes.length;) offset += await connection.write(bytes.subarray(offset));
}

/** Reads to the end of the stream, however it ends. */
async function readAll(connection: Deno.Conn): Promise<string> {
  const parts: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      parts.push(buffer.slice(0, count));
    }
  } catch {
    // A reset ends it too.
  }
  return new TextDecoder().decode(concat(...parts));
}

/** The status of an answer; undefined when there is none. */
export function statusOf(answer: string): number | undefined {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
  return status === undefined ? undefined : Number(status);
}
