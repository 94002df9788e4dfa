/**
 * One AES-GCM ciphertext that opens to two texts under two keys (the attack of Dodis, Grubbs, Ristenpart and Woodage,
 * "Fast Message Franking: From Invisible Salamanders to Encryptment", CRYPTO 2018): one free block is solved for, so
 * that both keys give the same tag (NIST SP 800-38D §6.4, §7.1).
 *
 * @module
 */
import { createCipheriv } from "node:crypto";
import { type Bytes, concat, fromHex } from "../../../core/bytes.ts";

/** Blocks of 16 bytes as in GHASH: the first bit is the coefficient of x^0. */
type Element = bigint;

const R = 0xe1n << 120n;

function multiply(a: Element, b: Element): Element {
  let product = 0n;
  let shifted = b;
  for (let i = 127n; i >= 0n; i--) {
    if ((a >> i) & 1n) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ R : shifted >> 1n;
  }
  return product;
}

/** a^(2^128 − 2), which is 1 / a. */
function invert(a: Element): Element {
  let result = 1n << 127n;
  let square = a;
  for (let i = 1; i < 128; i++) {
    square = multiply(square, square);
    result = multiply(result, square);
  }
  return result;
}

const toElement = (block: Uint8Array): Element => block.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const toBlock = (element: Element): Bytes => fromHex(element.toString(16).padStart(32, "0")) as Bytes;

function encryptBlock(key: Bytes, block: Uint8Array): Element {
  const cipher = createCipheriv("aes-256-ecb", key, null).setAutoPadding(false);
  const encrypted = new Uint8Array(cipher.update(block));
  cipher.final();
  return toElement(encrypted);
}

function blocksOf(bytes: Uint8Array): Element[] {
  return Array.from({ length: Math.ceil(bytes.length / 16) }, (_, i) => {
    const block = new Uint8Array(16);
    block.set(bytes.subarray(16 * i, 16 * i + 16));
    return toElement(block);
  });
}

/** Ciphertext of one block and its tag, valid under both keys with a nonce of twelve zero bytes. */
export function twoTextCiphertext(keys: readonly [Bytes, Bytes], additionalData: Bytes): Bytes {
  const counter = new Uint8Array(16);
  counter[15] = 1;
  const lengths = (BigInt(additionalData.length * 8) << 64n) | 128n;
  // tag = (data · H + …, then c, then lengths) + mask, so c · H² + rest; the two tags are equal for one c.
  const sides = keys.map((key) => {
    const h = encryptBlock(key, new Uint8Array(16));
    const ghash = (blocks: readonly Element[]) => blocks.reduce((sum, block) => multiply(sum ^ block, h), 0n);
    const rest = ghash([...blocksOf(additionalData), 0n, lengths]) ^ encryptBlock(key, counter);
    return { square: multiply(h, h), rest };
  });
  const [one, two] = sides as [typeof sides[0], typeof sides[0]];
  const block = multiply(one.rest ^ two.rest, invert(one.square ^ two.square));
  return concat(toBlock(block), toBlock(multiply(block, one.square) ^ one.rest));
}
