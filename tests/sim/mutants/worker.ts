/** Hunts one mutant after the other, each as a message asks; answers with what came of it. */
import { hunt } from "./hunt.ts";
import { MUTANTS } from "./catalogue.ts";

declare const self: Worker;

/** What a worker is asked. */
export interface HuntRequest {
  readonly name: string;
  readonly first: number;
  readonly schedules: number;
}

self.onmessage = async ({ data }: MessageEvent<HuntRequest>) => {
  const found = MUTANTS.find(({ name }) => name === data.name);
  if (found === undefined) throw new Error(`there is no mutant ${data.name}`);
  self.postMessage(await hunt(found, data));
};
