/**
 * Preset `exec`: the operator's own programs. `{generation}`, a whole argument, becomes the generation's directory,
 * which is the working directory too.
 *
 * @module
 */
import { accept, refuse, type Verdict } from "../../core/errors.ts";
import { LIMITS } from "../../core/limits.ts";
import type { RefusalCode } from "../../core/refusals.ts";
import { type Argv, type DriverBase, type DriverConfig, GENERATION_ARGUMENT } from "./config.ts";
import type { Driver } from "./driver.ts";
import { type ProgramOptions, runProgram } from "./driver_program.ts";

/** Makes a driver of the operator's programs. */
export function execDriver(
  config: DriverConfig & { readonly preset: "exec" },
  { pidFile }: { readonly pidFile: string },
): Driver {
  const { check, apply, export: exporting, timeoutMs } = config;
  const running = { timeoutMs, pidFile };
  return {
    name: "exec",
    check: async (directory) =>
      check === null ? accept(null) : await verdictOf(check, { directory, ...running, code: "driver-check" }),
    apply: async (directory) => await verdictOf(apply, { directory, ...running, code: "driver-apply" }),
    export: exporting === null ? null : async () => {
      const options = { directory: "/", ...running, outputBytes: LIMITS.exportBytes };
      const { ok, summary, stdout, cut } = await runProgram(exporting, options);
      if (!ok) return refuse("driver-export", summary);
      if (cut) return refuse("driver-export", `more than ${LIMITS.exportBytes} bytes of state`);
      return accept(stdout);
    },
    ...healthOf(config, pidFile),
  };
}

/** The health check that any preset may have. */
export function healthOf(
  { health, confirmMs, timeoutMs }: DriverBase,
  pidFile: string,
): Pick<Driver, "health" | "confirmMs"> {
  return {
    confirmMs,
    health: health === null
      ? null
      : async (directory) =>
        await verdictOf(health, { directory, timeoutMs, pidFile, code: "driver-health" }),
  };
}

/** Runs a program on a generation; anything but exit code 0 is a refusal. */
export async function verdictOf(
  argv: Argv,
  { code, ...options }: ProgramOptions & { code: RefusalCode },
): Promise<Verdict<null>> {
  const filled = argv.map((part) => part === GENERATION_ARGUMENT ? options.directory : part);
  const { ok, summary } = await runProgram(filled, options);
  return ok ? accept(null) : refuse(code, summary);
}
