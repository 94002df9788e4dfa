/**
 * The members' links as the driver uses them; made in ../tcp/peers.ts.
 *
 * @module
 */
import type { Bytes } from "../../core/bytes.ts";
import type { Tip } from "../../core/ports.ts";

/** The members' links; members by their numbers. */
export interface NetworkPort {
  /** False when no link stands or its queue is full. */
  readonly send: (member: number, frame: Bytes) => boolean;
  /** To everybody who is linked. */
  readonly broadcast: (frame: Bytes) => void;
  /** The chain has a new tip, whose documents say who is linked from now on. */
  readonly follow: (tip: Tip) => void;
}
