/**
 * How a transaction that comes to the pool stands to the chain.
 *
 * @module
 */
import type { Cid } from "../../core/brands.ts";
import { toHex } from "../../core/bytes.ts";
import type { Refusal } from "../../core/errors.ts";
import type { ChainReader } from "../../core/ports.ts";
import { type Payload, TYPE } from "../../core/transaction.ts";
import { type ChangeOptions, judgeChange } from "./federation_changes.ts";
import type { Version } from "./references.ts";

/** What the chain says of a transaction, and at which height. */
export interface Standing {
  readonly height: number;
  /** The latest version of its CID; 0 for what adds none, or none that others could take. */
  readonly latestVid: number;
  /** References that are not on the chain. */
  readonly missing: readonly Version[];
  /** Of a change of the federation: what is wrong with it. */
  readonly problem?: Refusal | undefined;
}

/** What is read. */
export interface StandingOptions extends ChangeOptions {
  readonly reader: ChangeOptions["reader"] & Pick<ChainReader, "configuration">;
}

/** Reads how a transaction stands. The chain may grow meanwhile: the height says where it began. */
export async function readStanding(payload: Payload, options: StandingOptions): Promise<Standing> {
  const { reader } = options;
  const { height } = reader.tip().parent;
  if (payload.type === TYPE.federation) {
    return { height, latestVid: 0, missing: [], problem: await judgeChange(payload, options) };
  }
  if (payload.type !== TYPE.configuration) return { height, latestVid: 0, missing: [] };
  const latestOf = async (cid: Cid) => (await reader.configuration(cid))?.latestVid ?? 0;
  const missing: Version[] = [];
  for (const { cid, vid } of [...payload.body.applyBefore, ...payload.body.applyAfter]) {
    if (await latestOf(cid) < (vid ?? 1)) missing.push({ cid: toHex(cid), vid: vid ?? 1 });
  }
  return { height, latestVid: await latestOf(payload.cid), missing };
}
