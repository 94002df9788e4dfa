/** Random numbers that are the same at every run (xorshift, 32 bits). */

/** Numbers from 0 to below `n`, from a seed. */
export function randomFrom(seed: number): (n: number) => number {
  let state = seed | 1;
  return (n) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
}
