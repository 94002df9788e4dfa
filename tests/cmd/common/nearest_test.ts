import { equal } from "node:assert/strict";
import { nearest } from "../../../cmd/common/nearest.ts";

Deno.test("nearest() finds the word with the fewest changes", () => {
  const words = ["nodes", "interval", "tenant"];
  equal(nearest("node", words), "nodes");
  equal(nearest("tennant", words), "tenant");
  equal(nearest("Interval", words), "interval");
  equal(nearest("x", []), "");
});
