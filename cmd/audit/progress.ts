/**
 * Progress of a long audit, on one line of the terminal's standard error; nothing when that is no terminal.
 *
 * @module
 */

/** Shows progress until it is disposed of; then the line is cleared. */
export interface Progress extends Disposable {
  /** Shows the blocks done and the share of the source that was read, from 0 to 1, where it is known. */
  readonly show: (blocks: number, share: number | null) => void;
}

const EVERY_MS = 250;
const CLEAR_LINE = "\r\x1b[K";

/** Starts at zero blocks. */
export function openProgress(): Progress {
  if (!Deno.stderr.isTerminal()) return { show: () => {}, [Symbol.dispose]: () => {} };
  const startMs = performance.now();
  let lastMs = startMs;
  const write = (text: string) => void Deno.stderr.writeSync(new TextEncoder().encode(text));
  return {
    show: (blocks, share) => {
      const nowMs = performance.now();
      if (nowMs - lastMs < EVERY_MS) return;
      lastMs = nowMs;
      const rate = Math.round(blocks / (nowMs - startMs) * 1000);
      const percent = share === null ? "" : `, ${Math.floor(share * 100)} %`;
      write(`${CLEAR_LINE}audit: ${blocks.toLocaleString("en")} blocks, ${rate}/s${percent}`);
    },
    [Symbol.dispose]: () => write(CLEAR_LINE),
  };
}
