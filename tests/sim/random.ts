/** Random numbers from a seed: xoshiro128** (Blackman and Vigna), seeded by a hash of seed and stream name. */
import assert from "node:assert/strict";
import type { Random } from "./types.ts";

/** 32 bits of a text's hash (FNV-1a, then the finalizer of MurmurHash3). */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The stream of a name: the same name gives the same numbers, another name gives unrelated ones. */
export function makeRandom(name: string): Random {
  // Never all zero: the four texts differ.
  let a = hashText(`a ${name}`), b = hashText(`b ${name}`), c = hashText(`c ${name}`);
  let d = hashText(`d ${name}`) | 1;

  function bits(): number {
    const times = Math.imul(b, 5);
    const result = Math.imul((times << 7) | (times >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  }

  const next = () => bits() / 2 ** 32;
  const below = (end: number) => Math.floor(next() * end);
  return {
    next,
    below,
    between: (low, high) => low + next() * (high - low),
    chance: (probability) => next() < probability,
    pick: (items) => {
      assert(items.length > 0, "nothing to pick from");
      return items[below(items.length)] as typeof items[number];
    },
    shuffled: (items) => {
      const all = [...items];
      for (let i = all.length - 1; i > 0; i--) {
        const j = below(i + 1);
        [all[i], all[j]] = [all[j] as typeof all[number], all[i] as typeof all[number]];
      }
      return all;
    },
    split: (part) => makeRandom(`${name}/${part}`),
  };
}
