import { deepEqual, equal } from "node:assert/strict";
import { cborReply, jsonReply, refusalReply, wantsCbor } from "../../../../cmd/node/api/exchange.ts";
import { refuse } from "../../../../core/errors.ts";
import { type RefusalCode, REFUSALS } from "../../../../core/refusals.ts";

Deno.test("refusalReply() maps each code to its status, and says when to come back", () => {
  const special: Partial<Record<RefusalCode, number>> = {
    "unauthorized": 401,
    "unknown": 404,
    "method": 405,
    "too-large": 413,
    "rate": 429,
    "busy": 503,
    "not-ready": 503,
    "timeout": 504,
  };
  for (const code of Object.keys(REFUSALS) as RefusalCode[]) {
    const { status, body, headers, refused } = refusalReply(refuse(code, "why"));
    equal(status, special[code] ?? 400, code);
    equal(refused, code);
    deepEqual(JSON.parse(new TextDecoder().decode(body)), { error: { code, detail: "why" } });
    equal(headers?.["retry-after"], [429, 503].includes(status) ? "1" : undefined);
  }
});

Deno.test("jsonReply() and cborReply() are 200 unless said otherwise", () => {
  deepEqual([jsonReply({}).status, jsonReply({}, { status: 202 }).status], [200, 202]);
  const { status, type } = cborReply(new Uint8Array(1));
  deepEqual([status, type], [200, "application/cbor"]);
});

Deno.test("wantsCbor() goes by Accept alone", () => {
  const wants = (accept?: string) =>
    wantsCbor({ headers: new Map(accept === undefined ? [] : [["accept", accept]]) });
  deepEqual(
    [undefined, "*/*", "application/json", "application/cbor", "text/html, application/cbor;q=0.5"].map(
      wants,
    ),
    [false, false, false, true, true],
  );
});
