/**
 * Reading feeds and configurations from pages that are in memory.
 *
 * @module
 */
import type { Hash } from "../core/brands.ts";
import { toHex } from "../core/bytes.ts";
import { assert } from "../core/errors.ts";
import type { Shape } from "../core/shape.ts";
import { pageOf, type StatePage, valueIn } from "../core/state/state_page.ts";
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
  return read(pages, { key: id, shape: feedStateShape });
}

/** A configuration's state; null when it has no version. Asserts that its page is there. */
export function configurationIn(pages: Pages, id: Hash): ConfigurationState | null {
  return read(pages, { key: id, shape: configurationStateShape });
}

/** Values that were read, by page: whoever polls asks for the same ones again and again. */
const known = new WeakMap<StatePage, Map<string, unknown>>();

function read<T>(pages: Pages, { key, shape }: { key: Hash; shape: Shape<T> }): T | null {
  const page = pages.get(pageOf(key));
  assert(page !== undefined, `state page ${pageOf(key)} was not loaded`);
  const values = known.get(page) ?? new Map<string, unknown>();
  const name = toHex(key);
  // Only what is there is kept: a page has as many values as it has leaves, and a key has one meaning.
  if (values.has(name)) return values.get(name) as T;
  const found = valueIn(page, { key, shape });
  if (!found.ok) throw damaged(found.detail);
  if (found.value !== null) known.set(page, values.set(name, found.value));
  return found.value;
}
