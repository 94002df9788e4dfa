/**
 * The frame of the program: picks the subcommand, turns wrong usage and errors into texts and exit codes. All wrong
 * usage looks the same: `vnfchain: error: …`, then a hint that names the command's help, exit code 2.
 *
 * @module
 */
import { Command, CommanderError, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT, type ExitCode, VnfchainError } from "../../core/errors.ts";
import { report } from "./output.ts";
import { VERSION } from "./version.ts";

/** A subcommand: one line for the help, and how to get the rest. */
export interface Subcommand {
  readonly summary: string;
  readonly load: () => Promise<CommandUnknownOpts>;
}

/** Runs the subcommand named first, and says how the process shall exit. */
export async function runProgram(
  argv: readonly string[],
  subcommands: Readonly<Record<string, Subcommand>>,
): Promise<ExitCode> {
  const program = new Command("vnfchain")
    .description("Configuration of virtual network functions on a Byzantine fault tolerant chain")
    .version(VERSION, "-V, --version")
    .helpCommand(false);
  const named = argv[0] ?? "";
  for (const [name, { summary, load }] of Object.entries(subcommands)) {
    program.addCommand(name === named ? await load() : new Command(name).description(summary));
  }
  return await runCommand(program, argv);
}

async function runCommand(program: Command, argv: readonly string[]): Promise<ExitCode> {
  frame(program, program.name());
  try {
    await program.parseAsync([...argv], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof Ended) return error.exitCode;
    if (!(error instanceof CommanderError)) return report(error);
    // The frame has printed it; help that was asked for is no error.
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

/** Wrong usage that shows only once flags and files were put together: exit code 2. */
export function usageError(message: string, hint: string): VnfchainError {
  return new VnfchainError(message, { code: "usage", hint, exitCode: EXIT.usage });
}

/** Gives a command and those below it the same help flag, the same errors, and no way to end the process. */
function frame(command: CommandUnknownOpts, path: string): void {
  command
    .exitOverride()
    // A flag after a subcommand's name is the subcommand's: both may have a `--dir`.
    .enablePositionalOptions()
    .helpOption("-h, --help", "show this help")
    .configureOutput({
      outputError: (text) => {
        const message = text.trim().replace(/^error: /, "").replaceAll(/\s*\n\s*/g, " ");
        report(usageError(message, `${path} --help`));
      },
    });
  if (command.commands.length > 0) refuseUnknown(command);
  for (const child of command.commands) frame(child, `${path} ${child.name()}`);
}

/** Also where the command does something by itself, which would otherwise call the word an argument too many. */
function refuseUnknown(command: CommandUnknownOpts): void {
  command.allowExcessArguments().hook("preAction", (_, acting) => {
    const [word] = command.args;
    if (acting === command && word !== undefined) command.error(`error: unknown command '${word}'`);
  });
}
