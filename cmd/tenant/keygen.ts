/**
 * `vnfchain tenant keygen`: a tenant's key, and the recovery key that can replace it when it is lost or stolen.
 *
 * @module
 */
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { EXIT, VnfchainError } from "../../core/errors.ts";
import { publicKeyToText } from "../../core/keys.ts";
import { generatePrivateKey } from "../../core/platform/private_key.ts";
import { createKeyFile } from "../common/key_file.ts";
import { examples, JSON_OPTION, PASSPHRASE_OPTION } from "../common/options.ts";
import { note, print, printJson, table } from "../common/output.ts";
import { readSecretFile } from "../common/secret_file.ts";

/** The command. */
export function keygenCommand(): CommandUnknownOpts {
  return new Command("keygen")
    .summary("Make a key and its recovery key.")
    .description(
      "Make a key and its recovery key, in two new files with mode 0600. The recovery key's file is named like the " +
        "key's, with .recovery.pem at its end: tenant.pem, tenant.recovery.pem.",
    )
    .requiredOption("-o, --out <file>", "where the key goes; nothing is overwritten")
    .option(...PASSPHRASE_OPTION)
    .option(...JSON_OPTION)
    .addHelpText(
      "after",
      examples(
        "tenant keygen --out tenant.pem",
        "tenant keygen --out tenant.pem --passphrase-file passphrase.txt --json",
      ),
    )
    .action(async ({ out, passphraseFile, json }) => {
      const secret = passphraseFile === undefined ? {} : { passphrase: await readSecretFile(passphraseFile) };
      const [key, recovery] = [generatePrivateKey(), generatePrivateKey()];
      const recoveryPath = recoveryPathOf(out);
      await refuseTaken(out);
      await createKeyFile(recoveryPath, recovery, secret);
      // A crash here leaves a recovery key that belongs to no key: harmless, and the path is named when tried again.
      await createKeyFile(out, key, secret);
      const publicKey = publicKeyToText(key.publicKey);
      const recoveryPublicKey = publicKeyToText(recovery.publicKey);
      if (json) return printJson({ publicKey, recoveryPublicKey });
      print(table([["public key", publicKey], ["recovery public key", recoveryPublicKey]]));
      note(`keep ${recoveryPath} offline: it alone can replace ${out} when that is lost or stolen`);
    });
}

function recoveryPathOf(path: string): string {
  return `${path.replace(/\.pem$/, "")}.recovery.pem`;
}

/** Looked at before the first file is made, so that a taken path leaves nothing behind. */
async function refuseTaken(path: string): Promise<void> {
  try {
    await Deno.lstat(path);
  } catch {
    return; // not there; whatever else is wrong with the path, creating the file will say
  }
  throw new VnfchainError(`writing key file ${path}: the path is taken`, {
    code: "key-exists",
    hint: "choose another path; a key is never overwritten",
    exitCode: EXIT.usage,
  });
}
