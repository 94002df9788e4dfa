/**
 * The presets: from a `[[driver]]` table to its driver.
 *
 * @module
 */
import type { DriverConfig } from "./config.ts";
import type { Driver } from "./driver.ts";
import { execDriver } from "./exec_driver.ts";
import { nftablesDriver } from "./nftables_driver.ts";

/** The drivers of a configuration, in its order; `pidFile` is where their running program is recorded. */
export function makeDrivers(
  configs: readonly DriverConfig[],
  options: { readonly pidFile: string },
): readonly Driver[] {
  return configs.map((config) =>
    config.preset === "exec" ? execDriver(config, options) : nftablesDriver(config, options)
  );
}
