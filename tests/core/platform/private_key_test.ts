import { deepEqual, equal, match, ok, throws } from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { type Bytes, fromHex, toHex, utf8 } from "../../../core/bytes.ts";
import { EXIT, VnfchainError } from "../../../core/errors.ts";
import { platformCrypto } from "../../../core/platform/crypto.ts";
import {
  generatePrivateKey,
  type PrivateKey,
  privateKeyFromPem,
  privateKeyFromSeed,
  privateKeyToPem,
  privateKeyToPkcs8,
} from "../../../core/platform/private_key.ts";
import { HAS_OPENSSL, openssl } from "../../support/openssl.ts";
import { temporaryDirectory } from "../../support/temporary_directory.ts";
import { RFC_8032 } from "./rfc_8032.ts";

const hex = (text: string) => fromHex(text) as Bytes;
const ascii = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const PASSPHRASE = "correct horse bättery";

/** The example of RFC 8410 §10.3: a version 1 key, and the same key in version 2 with attributes and public key. */
const RFC_8410_SEED = "d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842";
const RFC_8410_V1 = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`;

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    ok(error instanceof VnfchainError, String(error));
    equal(error.exitCode, EXIT.usage);
    ok(error.hint.length > 0);
    return error.code;
  }
  throw new Error("nothing was thrown");
}

function sameKey(a: PrivateKey, b: PrivateKey): void {
  deepEqual(a.publicKey, b.publicKey);
  deepEqual(a.agreementSeed(), b.agreementSeed());
}

for (const { name, seed, publicKey, message, signature } of RFC_8032) {
  Deno.test(`privateKeyFromSeed() signs RFC 8032 §7.1 ${name}`, () => {
    const key = privateKeyFromSeed(hex(seed));
    equal(toHex(key.publicKey), publicKey);
    equal(toHex(key.sign(hex(message))), signature);
  });
}

Deno.test("generatePrivateKey() makes another key each time, whose signatures verify", () => {
  const [first, second] = [generatePrivateKey(), generatePrivateKey()];
  const signature = first.sign(utf8("m"));
  ok(platformCrypto.verify(first.publicKey, utf8("m"), signature));
  ok(!platformCrypto.verify(second.publicKey, utf8("m"), signature));
});

Deno.test("a private key's secret does not show when the record is printed or serialised", () => {
  const key = generatePrivateKey();
  const seed = key.agreementSeed();
  const shown = [
    JSON.stringify(key),
    JSON.stringify({ nested: [key] }),
    Deno.inspect(key, {
      depth: 100,
      showHidden: true,
      getters: true,
      iterableLimit: 1000,
      strAbbreviateSize: 10_000,
    }),
    String(key),
    Object.values(key).map(String).join(),
  ].join("\n");
  const list = Array.from(seed).join(",");
  ok(shown.includes(Array.from(key.publicKey).slice(0, 1).join()), "the public key is there");
  ok(!shown.includes(toHex(seed)));
  ok(!shown.replace(/\s/g, "").includes(list));
  ok(!shown.includes(Object.entries(seed).map(([i, byte]) => `"${i}":${byte}`).join()));
  ok(!shown.includes("PRIVATE KEY"));
});

Deno.test("agreementSeed() hands out copies: nobody can change the key", () => {
  const key = generatePrivateKey();
  const before = key.agreementSeed().slice();
  key.agreementSeed().fill(0);
  deepEqual(key.agreementSeed(), before);
});

Deno.test("privateKeyFromSeed() does not follow a later change of the seed given", () => {
  const seed = new Uint8Array(32).fill(1);
  const key = privateKeyFromSeed(seed);
  seed.fill(2);
  deepEqual(key.agreementSeed(), new Uint8Array(32).fill(1));
});

Deno.test("privateKeyFromPem() and privateKeyToPem() speak the text of RFC 8410 §10.3", () => {
  const key = privateKeyFromPem(RFC_8410_V1);
  equal(toHex(key.agreementSeed()), RFC_8410_SEED);
  equal(privateKeyToPem(key), RFC_8410_V1);
});

Deno.test("privateKeyFromPem() reads what privateKeyToPem() writes", () => {
  const key = generatePrivateKey();
  sameKey(privateKeyFromPem(privateKeyToPem(key)), key);
});

Deno.test("privateKeyFromPem() reads what privateKeyToPem() encrypts", () => {
  const key = generatePrivateKey();
  const pem = privateKeyToPem(key, { passphrase: PASSPHRASE });
  match(pem, /^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
  sameKey(privateKeyFromPem(pem, { passphrase: PASSPHRASE }), key);
});

Deno.test("privateKeyToPem() encrypts one key differently each time", () => {
  const key = generatePrivateKey();
  const [first, second] = [1, 2].map(() => privateKeyToPem(key, { passphrase: PASSPHRASE }));
  ok(first !== second);
});

Deno.test("privateKeyFromPem() ignores a passphrase for a key that is not encrypted", () => {
  equal(toHex(privateKeyFromPem(RFC_8410_V1, { passphrase: PASSPHRASE }).agreementSeed()), RFC_8410_SEED);
});

Deno.test("privateKeyFromPem() gives one error for a wrong passphrase and for every damage", () => {
  const pem = privateKeyToPem(generatePrivateKey(), { passphrase: PASSPHRASE });
  const lines = pem.split("\n");
  const errors = new Set<string>();
  const note = (text: string, passphrase: string) =>
    throws(() => privateKeyFromPem(text, { passphrase }), (error: VnfchainError) => {
      equal(error.cause, undefined);
      errors.add(`${error.code} ${error.message} ${error.hint}`);
      return true;
    });
  note(pem, "wrong");
  note(pem, PASSPHRASE + " ");
  note(lines.with(2, "A".repeat(64)).join("\n"), PASSPHRASE); // ciphertext and its parameters
  note(lines.with(1, "A".repeat(64)).join("\n"), PASSPHRASE); // not even ASN.1
  note(lines.slice(0, 3).join("\n"), PASSPHRASE); // cut
  note(lines.toSpliced(2, 1).join("\n"), PASSPHRASE);
  equal(errors.size, 1, [...errors].join("\n"));
  match([...errors].join(), /^key-unreadable /);
});

Deno.test("privateKeyFromPem() never takes a damaged encrypted key", () => {
  const key = generatePrivateKey();
  const pem = privateKeyToPem(key, { passphrase: PASSPHRASE });
  const body = pem.split("\n").slice(1, -2).join("");
  const der = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
  // The last 48 bytes are the ciphertext's end; CBC has no authentication, but padding and structure must hold.
  for (let at = der.length - 16; at < der.length; at++) {
    const changed = der.slice();
    changed[at] = (changed[at] as number) ^ 1;
    const text = `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${btoa(String.fromCharCode(...changed))}\n` +
      "-----END ENCRYPTED PRIVATE KEY-----\n";
    equal(codeOf(() => privateKeyFromPem(text, { passphrase: PASSPHRASE })), "key-unreadable");
  }
});

const unreadable = {
  "nothing": "",
  "other text": "vc1qqqq",
  "a header alone": "-----BEGIN PRIVATE KEY-----\n",
  "an empty body": "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
  "a cut body": RFC_8410_V1.replace("EdVhC", ""),
  "control characters": "\0\x1b[31m\xff".repeat(1000),
  "a public key": String(generateKeyPairSync("ed25519").publicKey.export({ type: "spki", format: "pem" })),
};
for (const [what, text] of Object.entries(unreadable)) {
  Deno.test(`privateKeyFromPem() refuses ${what}`, () => {
    equal(codeOf(() => privateKeyFromPem(text)), "key-unreadable");
    equal(codeOf(() => privateKeyFromPem(text, { passphrase: PASSPHRASE })), "key-unreadable");
  });
}

const otherKeys = {
  "x25519": generateKeyPairSync("x25519"),
  "ed448": generateKeyPairSync("ed448"),
  "rsa": generateKeyPairSync("rsa", { modulusLength: 2048 }),
  "ec": generateKeyPairSync("ec", { namedCurve: "P-256" }),
};
for (const [kind, { privateKey }] of Object.entries(otherKeys)) {
  Deno.test(`privateKeyFromPem() refuses a key of type ${kind} as such, encrypted or not`, () => {
    const plain = { type: "pkcs8", format: "pem" } as const;
    equal(codeOf(() => privateKeyFromPem(String(privateKey.export(plain)))), "key-type");
    const pem = String(privateKey.export({ ...plain, cipher: "aes-256-cbc", passphrase: PASSPHRASE }));
    equal(codeOf(() => privateKeyFromPem(pem, { passphrase: PASSPHRASE })), "key-type");
    equal(codeOf(() => privateKeyFromPem(pem, { passphrase: "wrong" })), "key-unreadable");
  });
}

Deno.test("privateKeyFromPem() asks for the passphrase of an encrypted key", () => {
  const pem = privateKeyToPem(generatePrivateKey(), { passphrase: PASSPHRASE });
  equal(codeOf(() => privateKeyFromPem(pem)), "key-passphrase");
});

Deno.test("an empty passphrase is refused, writing and reading", () => {
  const key = generatePrivateKey();
  equal(codeOf(() => privateKeyToPem(key, { passphrase: "" })), "key-passphrase");
  const pem = privateKeyToPem(key, { passphrase: PASSPHRASE });
  equal(codeOf(() => privateKeyFromPem(pem, { passphrase: "" })), "key-passphrase");
});

Deno.test("WebCrypto takes privateKeyToPkcs8() and signs the same", async () => {
  const key = generatePrivateKey();
  const imported = await crypto.subtle.importKey("pkcs8", privateKeyToPkcs8(key), "Ed25519", false, ["sign"]);
  const signature = await crypto.subtle.sign("Ed25519", imported, utf8("m"));
  deepEqual(new Uint8Array(signature), new Uint8Array(key.sign(utf8("m"))));
});

Deno.test({
  name: "privateKeyFromPem() reads what openssl writes, plain and under each usual encryption",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const [plain, passphrase] = [directory.file("key.pem"), directory.file("passphrase")];
    openssl("genpkey", "-algorithm", "ed25519", "-out", plain);
    await Deno.writeTextFile(passphrase, PASSPHRASE);
    const key = privateKeyFromPem(await Deno.readTextFile(plain));
    const spki = openssl("pkey", "-in", plain, "-pubout", "-outform", "der");
    deepEqual(new Uint8Array(key.publicKey), spki.slice(-32));
    for (
      const options of [[], ["-v2", "aes-128-cbc"], ["-iter", "100000"], ["-v2prf", "hmacWithSHA512"], [
        "-scrypt",
      ]]
    ) {
      const pem = ascii(
        openssl("pkcs8", "-topk8", "-in", plain, "-passout", `file:${passphrase}`, ...options),
      );
      sameKey(privateKeyFromPem(pem, { passphrase: PASSPHRASE }), key);
    }
  },
});

Deno.test({
  name: "openssl reads what privateKeyToPem() writes, plain and encrypted, and verifies what it signs",
  ignore: !HAS_OPENSSL,
  fn: async () => {
    await using directory = await temporaryDirectory();
    const [pem, passphrase, message, signature, pub] = [
      "key.pem",
      "passphrase",
      "message",
      "signature",
      "pub",
    ]
      .map(directory.file) as [string, string, string, string, string];
    const key = generatePrivateKey();
    await Deno.writeTextFile(passphrase, PASSPHRASE);
    for (const options of [{}, { passphrase: PASSPHRASE }]) {
      await Deno.writeTextFile(pem, privateKeyToPem(key, options));
      const der = openssl("pkey", "-in", pem, "-passin", `file:${passphrase}`, "-outform", "der");
      deepEqual(der, privateKeyToPkcs8(key));
    }
    await Deno.writeFile(message, utf8("message"));
    await Deno.writeFile(signature, key.sign(utf8("message")));
    await Deno.writeFile(pub, openssl("pkey", "-in", pem, "-passin", `file:${passphrase}`, "-pubout"));
    openssl("pkeyutl", "-verify", "-pubin", "-inkey", pub, "-rawin", "-in", message, "-sigfile", signature);
  },
});
