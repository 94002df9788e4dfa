/**
 * The frame of the program: picks the subcommand, turns wrong usage and errors into texts and exit codes.
 *
 * @module
 */
import { Command, CommanderError } from "@commander-js/extra-typings";
import { EXIT, type ExitCode } from "../../core/errors.ts";
import { report } from "./output.ts";
import { VERSION } from "./version.ts";

/** A subcommand: one line for the help, and how to get the rest. */
export interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<AnyCommand>;
}

/** A command whatever its options and arguments. */
// The typings carry options and arguments as type parameters, which differ from command to command.
export type AnyCommand = Pick<Command, "name" | "parseAsync">;

/** Runs the subcommand named first, and says how the process shall exit. */
export async function runProgram(
  argv: readonly string[],
  subcommands: Readonly<Record<string, Subcommand>>,
): Promise<ExitCode> {
  const program = new Command("vnfchain")
    .description("Configuration of virtual network functions on a Byzantine fault tolerant chain")
    .version(VERSION, "-V, --version")
    .enablePositionalOptions()
    .helpCommand(false);
  const named = argv[0] ?? "";
  for (const [name, { summary, load }] of Object.entries(subcommands)) {
    program.addCommand(name === named ? await load() as Command : new Command(name).description(summary));
  }
  return await runCommand(program, argv);
}

/** Runs a command; usage errors end with exit code 2, help and version with 0. */
export async function runCommand(program: Command, argv: readonly string[]): Promise<ExitCode> {
  throwInsteadOfExit(program);
  try {
    if (argv.length === 0) program.help({ error: true });
    await program.parseAsync([...argv], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof Ended) return error.exitCode;
    if (!(error instanceof CommanderError)) return report(error);
    // The library has printed it; help that was asked for is no error.
    return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  }
}

/** Thrown by a command that has said everything already: a check that did not hold, a state that is stale. */
export class Ended extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode) {
    super(`ended with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  for (const child of command.commands) throwInsteadOfExit(child as Command);
}
