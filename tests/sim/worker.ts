/** Runs batches of seeds in a worker. */
import { makeAdversary } from "./adversary/adversary.ts";
import { addCoverage } from "./coverage.ts";
import { type Batch, emptyTally, type Tally } from "./campaign.ts";
import { drawPlan } from "./draw.ts";
import { runSchedule } from "./schedule.ts";

/** The worker's side of `postMessage`. */
declare const self: {
  onmessage: ((event: MessageEvent<Batch>) => void) | null;
  readonly postMessage: (tally: Tally) => void;
};

self.onmessage = ({ data: { from, count, bias } }) => {
  const tally = emptyTally();
  for (let seed = from; seed < from + count; seed++) {
    const { events, commits, violation, coverage } = runSchedule({
      plan: drawPlan(seed, bias),
      adversary: makeAdversary,
    });
    tally.seeds++;
    tally.events += events;
    tally.commits += commits;
    if (violation !== null) tally.failures.push({ seed, violation });
    addCoverage(tally.coverage, coverage);
  }
  self.postMessage(tally);
};
