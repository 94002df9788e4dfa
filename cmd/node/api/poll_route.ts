/**
 * `POST /v1/poll`. Many VNFs ask the same again and again, and as long as no transaction comes the answer differs in
 * its head alone: so bodies are kept while the state stays as it is, and the head as long as the height does.
 *
 * Refused: what is no question (`cbor`, `request`), and every question before the first block (`not-ready`).
 *
 * @module
 */
import { type Hash, ZERO_HASH } from "../../../core/brands.ts";
import { type Bytes, concat, equal } from "../../../core/bytes.ts";
import { accept, refuse, type Verdict } from "../../../core/errors.ts";
import { LIMITS } from "../../../core/limits.ts";
import { decodePollRequest, encodePollHead } from "../../../core/poll.ts";
import type { Tip } from "../../../core/ports.ts";
import { NO_STORE } from "./caching.ts";
import { type ApiReply, type ApiRequest, cborReply, refusalReply } from "./exchange.ts";
import { answerBody, type PollSource } from "./poll_answer.ts";

/** Bodies of more bytes are made anew. */
const KEPT_BYTES = 64 * 1024;
/** What keeping one body takes beside its bytes and its question. */
const OVERHEAD_BYTES = 256;

/** Makes the route. */
export function makePollRoute(
  services: PollSource,
): (request: Pick<ApiRequest, "body">) => Promise<ApiReply> {
  const answer = makePolls(services);
  return async ({ body }) => {
    const answered = await answer(body);
    return answered.ok ? cborReply(answered.value, { headers: NO_STORE }) : refusalReply(answered);
  };
}

/** Answers questions as they come, in bytes. */
export function makePolls(services: PollSource): (question: Bytes) => Promise<Verdict<Bytes>> {
  const bodies = new Map<string, Bytes>();
  let root: Hash = ZERO_HASH;
  let bytes = 0;
  let head: { readonly tip: Tip; readonly bytes: Bytes } | undefined;

  function headAt(tip: Tip): Bytes | undefined {
    const { header, certificate } = tip;
    if (header === null || certificate === null) return undefined;
    if (head?.tip !== tip) head = { tip, bytes: encodePollHead({ header, certificate }) };
    if (!equal(root, header.stateRoot)) {
      bodies.clear();
      bytes = 0;
      root = header.stateRoot;
    }
    return head.bytes;
  }

  function keep(question: string, body: Bytes): void {
    const cost = question.length + body.length + OVERHEAD_BYTES;
    if (body.length > KEPT_BYTES || bytes + cost > LIMITS.pollCacheBytes || bodies.has(question)) return;
    bytes += cost;
    bodies.set(question, body);
  }

  return async (question) => {
    // A view: so that head, feeds, versions and proof are of one height, whatever is appended meanwhile.
    using view = services.chain.view();
    const before = headAt(view.tip());
    if (before === undefined) return refuse("not-ready", "the chain has no block yet");
    const name = nameOf(question);
    const known = bodies.get(name);
    if (known !== undefined) return accept(concat(before, known));
    const request = decodePollRequest(question);
    if (!request.ok) return request;
    const body = await answerBody(services, { view, request: request.value });
    // With other transactions meanwhile, the body is that of a state which is gone.
    const { header } = view.tip();
    if (header !== null && equal(header.stateRoot, root)) keep(name, body);
    return accept(concat(before, body));
  };
}

/** A text of the same bytes. */
function nameOf(question: Bytes): string {
  return new TextDecoder("latin1").decode(question);
}
