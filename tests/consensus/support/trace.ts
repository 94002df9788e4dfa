/** How the protocol's actions read in scenarios: one line each, blocks as letters in order of appearance. */
import { blockHash } from "../../../core/block.ts";
import type { Hash } from "../../../core/brands.ts";
import { type Bytes, toHex } from "../../../core/bytes.ts";
import { signersOf } from "../../../core/certificate.ts";
import { decodeShape } from "../../../core/shape.ts";
import type { Action } from "../../../consensus/events.ts";
import { recordShape } from "../../../consensus/journal.ts";
import type { Message } from "../../../consensus/message.ts";
import type { Vote } from "../../../consensus/vote.ts";
import { sha256 } from "../../support/sha256.ts";

/** Gives blocks letters. */
export interface BlockNames {
  readonly of: (hash: Hash) => string;
}

/** Letters A, B, C, … in order of first appearance. */
export function makeBlockNames(): BlockNames {
  const names = new Map<string, string>();
  return {
    of: (hash) => {
      const key = toHex(hash);
      const name = names.get(key) ?? String.fromCharCode("A".charCodeAt(0) + names.size);
      names.set(key, name);
      return name;
    },
  };
}

/** One action as a line. */
export function actionLine(action: Action, names: BlockNames): string {
  switch (action.kind) {
    case "persist":
      return `persist ${
        action.records.map((record) => recordText(record, names)).filter(Boolean).join(", ")
      }`;
    case "setTimer":
      return `timer ${action.timer} ${action.height}/${action.round} ${action.ms} ms`;
    case "clearTimer":
      return `no timer ${action.timer}`;
    case "send":
      return `send to ${action.to}: ${messageText(action.message, names)}`;
    case "build":
      return `build ${action.height}/${action.round}`;
    case "validate": {
      const { height, round, fresh, from } = action;
      const what = `${height}/${round} ${names.of(action.blockHash)}`;
      return `validate ${what} ${fresh ? "fresh" : "again"} from ${from.join(",")}`;
    }
    case "commit": {
      const { bitmap, round } = action.certificate;
      const signers = signersOf(bitmap, bitmap.length * 8) ?? [];
      return `commit ${action.height} ${names.of(action.blockHash)} decided in ${round} by ${
        signers.join(",")
      }`;
    }
    case "adopt":
      return `adopt ${action.height} from ${action.from}`;
    case "fetchDecided":
      return `fetch ${action.height} from ${action.from.join(",")}`;
    case "sendDecided":
      return `send to ${action.to}: decided ${action.height}`;
    case "evidence": {
      const { first, second } = action.evidence;
      return `evidence against ${first.sender}: ${voteText(first, names)}; ${voteText(second, names)}`;
    }
  }
}

/** A message in words. */
export function messageText(message: Message, names: BlockNames): string {
  if (message.kind === "decided") {
    return `decided ${message.block.header.height} ${names.of(blockHash(sha256, message.block.header))}`;
  }
  if (message.kind !== "pre-prepare") return voteText(message, names);
  const { roundChanges, prepares } = message.justification;
  const justified = roundChanges.map(({ sender }) => sender).join(",");
  const locked = prepares.length === 0
    ? ""
    : ` prepared by ${prepares.map(({ sender }) => sender).join(",")}`;
  return `${voteText(message, names)}${justified === "" ? "" : ` justified by ${justified}`}${locked}`;
}

function voteText(vote: Vote, names: BlockNames): string {
  const where = `${vote.kind} ${vote.height}/${vote.round}`;
  if (vote.kind !== "round-change") return `${where} ${names.of(vote.blockHash)}`;
  const { prepared } = vote;
  return prepared === null ? where : `${where} prepared ${names.of(prepared.blockHash)} in ${prepared.round}`;
}

function recordText(bytes: Bytes, names: BlockNames): string {
  const record = decodeShape(recordShape, bytes, { what: "record", code: "message-format" });
  if (!record.ok || record.value.type === 2 || record.value.message.kind === "decided") return "";
  return voteText(record.value.message, names);
}
