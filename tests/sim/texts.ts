/** How what happens reads in a trace: one line each, blocks by the first digits of their hash. */
import type { Event } from "../../consensus/events.ts";
import type { Message } from "../../consensus/message.ts";
import { toHex } from "../../core/bytes.ts";
import type { Frame } from "./types.ts";

function short(hash: Uint8Array): string {
  return toHex(hash).slice(0, 6);
}

/** A message in words. */
export function messageText(message: Message): string {
  if (message.kind === "decided") return `decided ${message.block.header.height}`;
  const where = `${message.kind} ${message.height}/${message.round} of ${message.sender}`;
  if (message.kind === "round-change") {
    const { prepared } = message;
    return prepared === null ? where : `${where} prepared ${short(prepared.blockHash)} in ${prepared.round}`;
  }
  return `${where} ${short(message.blockHash)}`;
}

/** An event in words. */
export function eventText(event: Event): string {
  switch (event.kind) {
    case "message":
      return `message from ${event.from}: ${messageText(event.message.message)}`;
    case "timeout":
    case "resend":
    case "built":
      return `${event.kind} ${event.height}/${event.round}`;
    case "validated":
      return `${event.verdict} ${event.height}/${event.round} ${short(event.blockHash)}`;
    case "heartbeat":
      return `heartbeat ${event.height}`;
    case "work":
      return event.available ? "work" : "no work";
    case "advanced":
      return `advanced to ${event.tip.parent.height} ${short(event.tip.parent.hash)}`;
    case "peerUp":
      return `up ${event.member} at ${event.height}${
        event.highest === null ? "" : " showing a vote of ours"
      }`;
    case "peerHeight":
      return `height of ${event.member}: ${event.height}`;
    case "peerDown":
      return `down ${event.member}`;
  }
}

/** A frame in words. */
export function frameText(frame: Frame): string {
  switch (frame.kind) {
    case "message":
      return messageText(frame.message);
    case "bytes":
      return `${frame.bytes.length} bytes`;
    case "transactions":
      return `${frame.transactions.length} transactions`;
    case "want":
    case "pool":
      return `${frame.kind} ${frame.ids.length}`;
    case "height":
      return `height ${frame.height}`;
    case "getBlocks":
      return `asks for blocks from ${frame.from}`;
    case "blocks":
      return `${frame.blocks.length} blocks from ${frame.from}`;
  }
}
