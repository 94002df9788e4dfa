/**
 * `vnfchain node evidence`: what a node has kept against members that contradicted themselves, judged again. Reads
 * files alone, so the node may run.
 *
 * @module
 */
import { toHex } from "../../core/bytes.ts";
import type { Federation } from "../../core/federation.ts";
import { platformCrypto as crypto } from "../../core/platform/crypto.ts";
import { decodeEvidence, judgeEvidence } from "../../consensus/evidence.ts";
import { describeEvidence, evidenceText, type ProvenEvidence } from "../common/evidence_text.ts";
import { readFederationFile } from "../common/federation_file.ts";
import { escaped, table } from "../common/output.ts";
import { FEDERATION_FILE } from "./directory.ts";
import { type EvidenceFile, readEvidenceFiles } from "./evidence_files.ts";

/** A file of evidence, judged. A type, not an interface: it is printed as JSON as it stands. */
export type JudgedEvidence =
  & { readonly file: string }
  & (
    | ({ readonly verdict: "proven" } & ProvenEvidence)
    /** Damaged, or of votes that do not contradict each other. */
    | { readonly verdict: "refused"; readonly code: string; readonly detail: string }
    /** Its federation document is none of those given. */
    | { readonly verdict: "unjudged"; readonly federation: string }
  );

/** Reads and judges what the node in a directory has kept, under the document that the node started from. */
export async function listEvidence(directory: string): Promise<readonly JudgedEvidence[]> {
  const federation = await readFederationFile(`${directory}/${FEDERATION_FILE}`);
  const files = await readEvidenceFiles(directory);
  return files.map((file) => judgeFile(file, [federation]));
}

/** Judges a file under whichever of the documents its votes name. */
export function judgeFile(
  { path: file, bytes }: EvidenceFile,
  documents: readonly Federation[],
): JudgedEvidence {
  const decoded = decodeEvidence(bytes);
  if (!decoded.ok) return { file, verdict: "refused", code: decoded.code, detail: decoded.detail };
  const name = toHex(decoded.value.federationHash);
  const federation = documents.find(({ hash }) => toHex(hash) === name);
  if (federation === undefined) return { file, verdict: "unjudged", federation: name };
  const judged = judgeEvidence(decoded.value, { federation, crypto });
  if (!judged.ok) return { file, verdict: "refused", code: judged.code, detail: judged.detail };
  const contradiction = judged.value;
  return { file, verdict: "proven", ...describeEvidence(decoded.value, { federation, contradiction }) };
}

/** The list as text for people. */
export function describeList(all: readonly JudgedEvidence[]): string {
  if (all.length === 0) return "no member has contradicted itself, as far as this node has seen";
  return table(all.map((each) => {
    switch (each.verdict) {
      case "proven":
        return [`height ${each.height}`, escaped(evidenceText(each))];
      case "refused":
        return ["refused", `${escaped(each.file)}: ${each.code}: ${escaped(each.detail)}`];
      case "unjudged":
        return [
          "not judged",
          `${escaped(each.file)}: federation document ${each.federation} is not known here`,
        ];
    }
  }));
}
