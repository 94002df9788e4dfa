/**
 * Reading feeds and configurations from pages that are in memory.
 *
 * @module
 */
import type { Hash } from "../core/brands.ts";
import { type Bytes, compare } from "../core/bytes.ts";
import { assert } from "../core/errors.ts";
import { decodeShape, type Shape } from "../core/shape.ts";
import { pageOf } from "../core/state/state_page.ts";
import {
  type ConfigurationState,
  configurationStateShape,
  type FeedState,
  feedStateShape,
} from "../core/state/values.ts";
import { damaged } from "./rows.ts";
import type { Pages } from "./state_pages.ts";

/** A feed's state; null when it has no transaction. Asserts that its page is there. */
export function feedIn(pages: Pages, id: Hash): FeedState | null {
  return valueIn(pages, id, feedStateShape);
}

/** A configuration's state; null when it has no version. Asserts that its page is there. */
export function configurationIn(pages: Pages, id: Hash): ConfigurationState | null {
  return valueIn(pages, id, configurationStateShape);
}

function valueIn<T>(pages: Pages, key: Hash, shape: Shape<T>): T | null {
  const value = leafIn(pages, key);
  if (value === null) return null;
  const decoded = decodeShape(shape, value, { what: "state value", code: "state-format" });
  if (!decoded.ok) throw damaged(decoded.detail);
  return decoded.value;
}

function leafIn(pages: Pages, key: Hash): Bytes | null {
  const page = pages.get(pageOf(key));
  assert(page !== undefined, `state page ${pageOf(key)} was not loaded`);
  let low = 0;
  let high = page.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const leaf = page[middle];
    assert(leaf !== undefined, `state page has no leaf ${middle}`);
    const order = compare(leaf.key, key);
    if (order === 0) return leaf.value;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return null;
}
