/** Searches one twin at a time in a worker. */
import { GENUINE } from "./protocol.ts";
import { reachesOf, searchAll, searchSome, type TwinTally } from "./twins_search.ts";
import { makeTwinWorld } from "./twins_world.ts";

/** What a worker is asked. */
export interface TwinRequest {
  readonly twin: number;
  readonly rounds: number;
  /** Null for a complete search. */
  readonly seeds: readonly number[] | null;
}

/** The worker's side of `postMessage`. */
declare const self: {
  onmessage: ((event: MessageEvent<TwinRequest>) => void) | null;
  readonly postMessage: (tally: TwinTally) => void;
};

self.onmessage = ({ data: { twin, rounds, seeds } }) => {
  const world = makeTwinWorld(twin, GENUINE);
  self.postMessage(
    seeds === null ? searchAll(world, reachesOf(rounds)) : searchSome(world, { rounds, seeds }),
  );
};
