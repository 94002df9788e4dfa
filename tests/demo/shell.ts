/**
 * Short commands of the system: `ip`, `nft`, `ss`.
 *
 * @module
 */

/** What a command printed, and how it ended. */
export interface Ran {
  readonly code: number;
  readonly text: string;
}

/** Runs a command to its end. */
export async function run(argv: readonly string[]): Promise<Ran> {
  const command = new Deno.Command(argv[0] as string, { args: argv.slice(1), stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return { code, text: text.decode(stdout) + text.decode(stderr) };
}

/** Runs a command that must succeed. */
export async function mustRun(argv: readonly string[]): Promise<string> {
  const { code, text } = await run(argv);
  if (code !== 0) throw new Error(`${argv.join(" ")}: exit code ${code}: ${text}`);
  return text;
}

/** Whether a program is there. */
export async function has(program: string): Promise<boolean> {
  return await run(["sh", "-c", `command -v ${program}`]).then(({ code }) => code === 0, () => false);
}
