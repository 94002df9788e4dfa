/**
 * The votes that frames carry, in full or in compact form.
 *
 * @module
 */
import { decodeFrame } from "../../consensus/driver/frames.ts";
import { decodeMessage } from "../../consensus/wire.ts";
import type { Vote } from "../../consensus/vote.ts";
import type { Bytes } from "../../core/bytes.ts";

/** What a frame says of a vote. */
export interface FrameVote {
  readonly kind: Vote["kind"];
  readonly height: number;
  readonly sender: number;
  readonly isCompact: boolean;
}

/** The vote in a frame of a member; undefined when it carries none. */
export function voteIn({ from, bytes }: { from: number; bytes: Bytes }): FrameVote | undefined {
  const frame = decodeFrame(bytes);
  if (!frame.ok) return undefined;
  const { value } = frame;
  switch (value.kind) {
    case "prepare":
    case "commit":
      return { kind: value.kind, height: value.form.height, sender: from, isCompact: true };
    case "proposal":
      return { kind: "pre-prepare", height: value.form.height, sender: from, isCompact: true };
    case "message": {
      const message = decodeMessage(value.bytes);
      if (!message.ok || message.value.kind === "decided") return undefined;
      const { kind, height, sender } = message.value;
      return { kind, height, sender, isCompact: false };
    }
    default:
      return undefined;
  }
}
