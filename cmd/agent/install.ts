/**
 * Brings a resolved configuration into force, and finishes what a crash interrupted. Read top to bottom in durable
 * order: a crash at any line ends, after the next start, in the old or in the new generation, never between.
 *
 * 1. The generation's directory is written and renamed. 2. Drivers check it. 3. `pending` is recorded. 4. Drivers
 * apply it, and the VNF is found healthy. 5. The symlink `current` moves. 6. `pending` becomes the one in force.
 * When 4 fails, the version goes into quarantine and the generation before is applied again, recorded likewise.
 * What fails while the agent is being ended is no verdict on a configuration: the system ends the programs as well.
 *
 * @module
 */
import { accept, assert, type Refusal, refuse, type Verdict } from "../../core/errors.ts";
import type { ConfigurationPayload } from "../../core/transaction.ts";
import type { Log } from "../common/log.ts";
import { applyAll, awaitHealth, checkAll, type Driver } from "./driver.ts";
import {
  type Document,
  generationPath,
  hasGeneration,
  pruneGenerations,
  removeGeneration,
  setCurrent,
  writeGeneration,
} from "./generation.ts";
import type { Resolved } from "./resolve.ts";
import type { Placed } from "./select.ts";
import { type AgentState, type Installed, versionName, withError, withQuarantined } from "./state.ts";
import type { StateStore } from "./state_store.ts";

/** What installing needs. */
export interface Installer {
  readonly stateDir: string;
  readonly drivers: readonly Driver[];
  readonly store: StateStore;
  readonly log: Log;
  /** Names this boot of the machine; empty when the system does not tell. */
  readonly bootId: string;
  /** Aborted when the agent is being ended. */
  readonly signal: AbortSignal;
}

/** Brings a configuration into force; refuses with `driver-check`, `driver-apply` or `driver-health`. */
export async function install(
  installer: Installer,
  { base, resolved }: { base: Placed<ConfigurationPayload>; resolved: Resolved },
): Promise<Verdict<Installed>> {
  const { stateDir, drivers, store } = installer;
  const generation = await writeGeneration(stateDir, resolved);
  const { payload, id } = base.transaction;
  const own = resolved.documents.find(({ role }) => role === "own");
  assert(own !== undefined, "a resolved configuration lacks its own document");
  const configuration: Installed = {
    cid: payload.cid,
    vid: payload.vid,
    transaction: id,
    contentHash: (own as Document).contentHash,
    position: base.position,
    resolvedAt: resolved.resolvedAt,
    generation,
  };
  let checked: Verdict<null>;
  try {
    checked = await checkAll(drivers, generationPath(stateDir, generation));
    if (checked.ok) await store.update({ pending: { purpose: "apply", configuration } });
    else if (!await isEnding(installer)) await quarantine(installer, { configuration, refusal: checked });
  } catch (error) {
    // What an operator must mend is tried again in each round, with a directory of its own each time.
    await removeGeneration(stateDir, generation);
    throw error;
  }
  if (checked.ok) return await carryOut(installer, configuration);
  await removeGeneration(stateDir, generation);
  return checked;
}

/** Finishes what a crash interrupted, and applies the configuration in force again after a reboot. */
export async function recover(installer: Installer): Promise<void> {
  const { stateDir, drivers, store, bootId, log } = installer;
  const { pending, inForce } = store.current();
  if (pending === null && inForce !== null && store.current().bootId !== bootId) {
    // What the drivers put into the kernel is gone with the boot it was put there.
    log.info("the machine has started anew: applying the configuration in force again", named(inForce));
    await store.update({ pending: { purpose: "restore", configuration: inForce } });
    return await restore(installer);
  }
  if (pending === null) return;
  log.warning("finishing what was interrupted", {
    ...named(pending.configuration),
    purpose: pending.purpose,
  });
  if (pending.purpose === "restore") return await restore(installer);
  const { configuration } = pending;
  if (!await hasGeneration(stateDir, configuration.generation)) {
    // The poll brings it again: nothing counts as processed yet.
    log.error(
      "the generation that was being applied is gone; the one before is applied",
      named(configuration),
    );
    await goBack(installer);
    return await restore(installer);
  }
  const checked = await checkAll(drivers, generationPath(stateDir, configuration.generation));
  if (checked.ok) {
    await carryOut(installer, configuration);
    return;
  }
  if (await isEnding(installer)) return;
  await quarantine(installer, { configuration, refusal: checked });
  await restore(installer);
}

/** From step 4 on; `pending` names the configuration. */
async function carryOut(installer: Installer, configuration: Installed): Promise<Verdict<Installed>> {
  const { stateDir, drivers, store, bootId } = installer;
  const directory = generationPath(stateDir, configuration.generation);
  const applied = await applyAll(drivers, directory);
  // A crash here: the next start checks and applies the same generation again.
  const healthy = applied.ok ? await awaitHealth(drivers, directory) : applied;
  if (!healthy.ok) {
    if (await isEnding(installer)) return healthy;
    await quarantine(installer, { configuration, refusal: healthy });
    await restore(installer);
    return healthy;
  }
  await setCurrent(stateDir, configuration.generation);
  // A crash here: `current` names what `pending` names; applying it once more changes nothing.
  await store.update({ inForce: configuration, pending: null, bootId });
  await tidy(installer);
  return accept(configuration);
}

/** Records that a version failed, and with it what must be in force instead. */
async function quarantine(
  installer: Installer,
  { configuration, refusal }: { configuration: Installed; refusal: Refusal },
): Promise<void> {
  const { cid, vid } = configuration;
  const failed = { cid, vid, code: refusal.code, detail: refusal.detail };
  await goBack(installer, withQuarantined(installer.store.current(), failed));
}

/** Records that an apply, if one has begun, is to be undone. */
async function goBack({ store }: Installer, change: Partial<AgentState> = {}): Promise<void> {
  const { pending, inForce } = store.current();
  const undo = pending !== null && inForce !== null;
  await store.update({ ...change, pending: undo ? { purpose: "restore", configuration: inForce } : null });
}

/** Between a signal to all of a service's processes and the moment when the agent sees its own. */
const ENDING_MS = 100;

/** Whether the agent is being ended; asked after a program failed, which may have been ended first. */
async function isEnding({ signal }: Installer): Promise<boolean> {
  if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, ENDING_MS));
  return signal.aborted;
}

/** Applies the generation in force again; stays pending when that fails, and is tried again in each round. */
async function restore(installer: Installer): Promise<void> {
  const { stateDir, drivers, store, log, bootId } = installer;
  const { inForce } = store.current();
  if (inForce === null) {
    const detail = "the first configuration failed while it was applied; there is none to go back to";
    log.error(detail, {});
    await store.update({ pending: null, ...withError(store.current(), problem("no-configuration", detail)) });
    return await tidy(installer);
  }
  const directory = generationPath(stateDir, inForce.generation);
  const applied = await hasGeneration(stateDir, inForce.generation)
    ? await applyAll(drivers, directory)
    : refuse("driver-apply", `${directory} is gone`);
  if (!applied.ok) {
    if (await isEnding(installer)) return;
    log.error(
      "FAILED: the configuration in force cannot be applied again; look at the VNF, or publish another one",
      {
        ...named(inForce),
        code: applied.code,
        detail: applied.detail,
      },
    );
    await store.update(withError(store.current(), problem(applied.code, `restore: ${applied.detail}`)));
    return;
  }
  await setCurrent(stateDir, inForce.generation);
  await store.update({ pending: null, bootId });
  log.warning("the configuration in force was applied again", named(inForce));
  await tidy(installer);
}

/** Removes generations that nobody goes back to. */
export async function tidy({ stateDir, store }: Pick<Installer, "stateDir" | "store">): Promise<void> {
  const { inForce, pending } = store.current();
  const needed = [inForce, pending?.configuration ?? null].flatMap((one) =>
    one === null ? [] : [one.generation]
  );
  await pruneGenerations(stateDir, needed);
}

function named(configuration: Installed): { configuration: string; generation: number } {
  return { configuration: versionName(configuration), generation: configuration.generation };
}

function problem(code: string, detail: string): { time: number; code: string; detail: string } {
  return { time: Date.now(), code, detail };
}

/** This boot of the machine, as Linux names it; empty elsewhere. */
export async function readBootId(): Promise<string> {
  try {
    return (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
  } catch {
    return "";
  }
}
