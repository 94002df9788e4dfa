/**
 * One authenticated connection: a bounded queue to the peer, frames from it one at a time, and keep-alive.
 *
 * A frame that does not fit the queue is refused, never an older one dropped: what was accepted leaves in order as
 * long as the connection lives, and consensus sends again what matters. A frame that does not open under the session's
 * key ends the connection with `frame-seal`, one above {@link LIMITS.frameBytes} with `too-large`. Each side sends
 * something every `pingMs`; a side that waits for bytes and gets none for `idleMs` takes the peer for gone. While the
 * receiver above works on a frame nothing is read, and the time does not count.
 *
 * @module
 */
import { type Bytes, concat } from "../../core/bytes.ts";
import { LIMITS } from "../../core/limits.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { encodeFrame } from "./frame.ts";
import { KIND, SEAL_BYTES, type Session } from "./session.ts";
import type { FrameSocket } from "./socket.ts";

/** Why a connection ended: the network or the peer, silence, a newer one, our stop, a removed member, or a refusal. */
export interface ConnectionEnd {
  readonly code: "closed" | "idle" | "replaced" | "stopped" | "removed" | RefusalCode;
  readonly detail: string;
}

/** What became of a frame to be sent. Only `queued` ones are sent, and only as long as the connection lives. */
export type SendResult = "queued" | "queue-full" | "too-large" | "closed";

/** Takes one frame's payload; the next one comes when the promise resolves. */
export type FrameReceiver = (payload: Bytes) => void | Promise<void>;

/** Small frames are put together up to this size, so that many votes take one system call. */
const BATCH_BYTES = 64 * 1024;

interface Outgoing {
  readonly kind: number;
  readonly payload: Uint8Array;
}

/** A connection from the end of the handshake on. */
export class Connection implements Disposable {
  /** Resolves once, when the connection is over; `run` may still be busy with its last frame then. */
  readonly ended: Promise<ConnectionEnd>;
  readonly #socket: FrameSocket;
  readonly #session: Session;
  readonly #end: (end: ConnectionEnd) => void;
  readonly #queue: Outgoing[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #silentTicksMax: number;
  #queuedFrames = 0;
  #queuedBytes = 0;
  #draining: Promise<void> | null = null;
  #reading = false;
  #open = true;
  #silentTicks = 0;
  #readBefore = 0;
  #writtenBefore = 0;

  constructor(
    socket: FrameSocket,
    { session, pingMs, idleMs }: { session: Session; pingMs: number; idleMs: number },
  ) {
    const { promise, resolve } = Promise.withResolvers<ConnectionEnd>();
    this.ended = promise;
    this.#end = resolve;
    this.#socket = socket;
    this.#session = session;
    this.#silentTicksMax = Math.ceil(idleMs / pingMs);
    this.#timer = setInterval(() => this.#tick(), pingMs);
  }

  /** Whether it is not over yet. */
  get open(): boolean {
    return this.#open;
  }

  /** Queues a frame's payload, which the caller does not change any more. */
  send(payload: Uint8Array): SendResult {
    if (!this.#open) return "closed";
    if (payload.length > LIMITS.frameBytes) return "too-large";
    if (
      this.#queuedFrames >= LIMITS.peerQueueFrames ||
      this.#queuedBytes + payload.length > LIMITS.peerQueueBytes
    ) return "queue-full";
    this.#enqueue({ kind: KIND.data, payload });
    return "queued";
  }

  /** Gives frames to `receive`, one at a time and in order, until the connection is over; once only. */
  async run(receive: FrameReceiver): Promise<ConnectionEnd> {
    try {
      while (this.#open) {
        const frame = await this.#next();
        if (frame?.kind === KIND.data) await receive(frame.payload);
      }
    } finally {
      this.close({ code: "stopped", detail: "the receiver of frames failed" });
      await this.#draining;
    }
    return await this.ended;
  }

  /** Ends the connection; the first reason counts. What is queued is not sent any more. */
  close(end: ConnectionEnd): void {
    if (!this.#open) return;
    this.#open = false;
    clearInterval(this.#timer);
    this.#socket.close();
    this.#queue.length = 0;
    this.#end(end);
  }

  /** Ends the connection as our own stop. */
  [Symbol.dispose](): void {
    this.close({ code: "stopped", detail: "stopped here" });
  }

  async #next(): Promise<{ readonly kind: number; readonly payload: Bytes } | undefined> {
    this.#reading = true;
    const frame = await this.#socket.read(LIMITS.frameBytes + SEAL_BYTES);
    this.#reading = false;
    this.#silentTicks = 0;
    if (frame === null) return this.#over({ code: "closed", detail: "the connection was closed" });
    if (!frame.ok) return this.#over(frame);
    const opened = await this.#session.open(frame.value);
    if (opened === undefined) return this.#over({ code: "frame-seal", detail: "a frame does not open" });
    if (opened.kind === KIND.data || opened.kind === KIND.ping) return opened;
    return this.#over({ code: "message-format", detail: `a frame of unknown kind ${opened.kind}` });
  }

  #over({ code, detail }: ConnectionEnd): undefined {
    this.close({ code, detail });
  }

  #enqueue(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#queuedFrames++;
    this.#queuedBytes += outgoing.payload.length;
    this.#draining ??= this.#drain();
  }

  async #drain(): Promise<void> {
    while (this.#open && this.#queue.length > 0) {
      const { bytes, frames, payloadBytes } = await this.#nextBatch();
      // Counted as queued until the system has taken them: they are in our memory.
      if (!await this.#socket.write(bytes)) {
        this.#over({ code: "closed", detail: "the connection was closed" });
      }
      this.#queuedFrames -= frames;
      this.#queuedBytes -= payloadBytes;
    }
    this.#draining = null;
  }

  async #nextBatch(): Promise<{ bytes: Bytes; frames: number; payloadBytes: number }> {
    const parts: Bytes[] = [];
    let payloadBytes = 0;
    for (let size = 0; size < BATCH_BYTES && this.#queue.length > 0;) {
      const { kind, payload } = this.#queue.shift() as Outgoing;
      const part = encodeFrame(await this.#session.seal(kind, payload));
      parts.push(part);
      size += part.length;
      payloadBytes += payload.length;
    }
    return { bytes: concat(...parts), frames: parts.length, payloadBytes };
  }

  /** Counts ticks, not time: a process that was stopped for a minute does not blame its peers. */
  #tick(): void {
    const read = this.#socket.bytesRead();
    const isSilent = this.#reading && read === this.#readBefore;
    this.#readBefore = read;
    this.#silentTicks = isSilent ? this.#silentTicks + 1 : 0;
    if (this.#silentTicks >= this.#silentTicksMax) {
      this.#over({ code: "idle", detail: "nothing came from the peer" });
    }
    const written = this.#socket.bytesWritten();
    if (this.#open && this.#draining === null && written === this.#writtenBefore) {
      this.#enqueue({ kind: KIND.ping, payload: new Uint8Array() });
    }
    this.#writtenBefore = written;
  }
}
