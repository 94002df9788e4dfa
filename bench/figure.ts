/**
 * What a benchmark finds.
 *
 * @module
 */

/** One figure. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** What it cannot or must not exceed, in the same unit. */
  readonly ceiling?: number;
  /** The value as a part of the ceiling, or of what it is compared with. */
  readonly ratio?: number;
  readonly parameters: Readonly<Record<string, number | string>>;
}

/** How a benchmark is run. */
export interface BenchmarkOptions {
  /** 1 for the real size. */
  readonly scale: number;
  /** Told of each figure as soon as it is known. */
  readonly report: (figure: Figure) => void;
}

/** A benchmark. */
export type Benchmark = (options: BenchmarkOptions) => Promise<void>;

/** The middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}
