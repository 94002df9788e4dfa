/**
 * Drivers: what brings a generation into force in the VNF. Each preset gives the same four things; the order in which
 * they are called, and what happens when one fails, stands in install.ts.
 *
 * A driver's programs come from the local configuration alone; from the chain come only the files of a generation.
 *
 * @module
 */
import { accept, type Verdict } from "../../core/errors.ts";
import type { Bytes } from "../../core/bytes.ts";

/** One way to bring a generation into force. Directories are absolute paths. */
export interface Driver {
  /** For people. */
  readonly name: string;
  /** Judges a generation without changing anything; refuses with `driver-check`. */
  readonly check: (directory: string) => Promise<Verdict<null>>;
  /** Brings a generation into force; refuses with `driver-apply`. Applying one twice is applying it once. */
  readonly apply: (directory: string) => Promise<Verdict<null>>;
  /** The VNF's state as bytes; refuses with `driver-export`. Null when this driver has none to give. */
  readonly export: (() => Promise<Verdict<Bytes>>) | null;
  /** Whether the VNF works; refuses with `driver-health`. Null when nobody asked for it. */
  readonly health: ((directory: string) => Promise<Verdict<null>>) | null;
  /** How long the VNF may take to become healthy after an apply. */
  readonly confirmMs: number;
}

/** Judges a generation by all drivers; the first refusal ends it. */
export async function checkAll(drivers: readonly Driver[], directory: string): Promise<Verdict<null>> {
  for (const driver of drivers) {
    const checked = await driver.check(directory);
    if (!checked.ok) return checked;
  }
  return accept(null);
}

/** Brings a generation into force by all drivers, in order; the first refusal ends it. */
export async function applyAll(drivers: readonly Driver[], directory: string): Promise<Verdict<null>> {
  for (const driver of drivers) {
    const applied = await driver.apply(directory);
    if (!applied.ok) return applied;
  }
  return accept(null);
}

/** Pause between two looks at a VNF that is not healthy yet. */
const HEALTH_PAUSE_MS = 1000;

/** Waits until every driver that asks for it finds the VNF healthy, each for its own time at most. */
export async function awaitHealth(drivers: readonly Driver[], directory: string): Promise<Verdict<null>> {
  for (const { health, confirmMs } of drivers) {
    if (health === null) continue;
    const endMs = performance.now() + confirmMs;
    for (;;) {
      const healthy = await health(directory);
      if (healthy.ok) break;
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) return healthy;
      await new Promise((resolve) => setTimeout(resolve, Math.min(HEALTH_PAUSE_MS, leftMs)));
    }
  }
  return accept(null);
}
