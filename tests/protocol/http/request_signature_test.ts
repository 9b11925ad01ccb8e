import assert from "node:assert/strict";
import fc from "fast-check";
import { toBase64url } from "../../../src/protocol/http/base64url.ts";
import {
  importPublicKey,
  keyIdOf,
  newNonce,
  parseSignature,
  type SignatureHeaders,
  type SignedFacts,
  signRequest,
  verifySignature,
} from "../../../src/protocol/http/request_signature.ts";

// RFC 8032, section 7.1, test 1: a key pair anyone can check.
const seed = Uint8Array.fromHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
const publicBytes = Uint8Array.fromHex(
  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
);
const pkcs8 = Uint8Array.fromHex(`302e020100300506032b657004220420${seed.toHex()}`);
const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", false, ["sign"]);
const publicKey = (await importPublicKey(toBase64url(publicBytes)))!;
const emptyDigest = new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));

const facts: SignedFacts = {
  method: "PUT",
  path: "/v1/runs/r1/rounds/0/updates/abc",
  query: "?attempt=0",
  digest: emptyDigest,
  created: 1_700_000_000,
  nonce: "AAAAAAAAAAAAAAAAAAAAAA",
  keyId: await keyIdOf(publicBytes),
};

const headersOf = (signed: SignatureHeaders) => new Headers({ ...signed });

Deno.test("signRequest() writes the headers of RFC 9421 in one form", async () => {
  const headers = await signRequest(facts, privateKey);
  assert.equal(
    headers["content-digest"],
    "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
  );
  assert.equal(
    headers["signature-input"],
    'hafl=("@method" "@path" "@query" "content-digest");created=1700000000;' +
      `nonce="AAAAAAAAAAAAAAAAAAAAAA";keyid="${facts.keyId}";alg="ed25519"`,
  );
  // The signature base by hand, verified without our code: what another implementation would do.
  const base = new TextEncoder().encode(
    `"@method": PUT\n"@path": ${facts.path}\n"@query": ?attempt=0\n"content-digest": ` +
      `${headers["content-digest"]}\n"@signature-params": ${
        headers["signature-input"].slice("hafl=".length)
      }`,
  );
  const signature = Uint8Array.fromBase64(headers.signature.slice("hafl=:".length, -1));
  assert.ok(await crypto.subtle.verify("Ed25519", publicKey, signature, base));
});

Deno.test("verifySignature() accepts what signRequest() signed", async () => {
  const parsed = parseSignature(headersOf(await signRequest(facts, privateKey)));
  assert.ok(parsed);
  assert.deepEqual([parsed.created, parsed.nonce, parsed.keyId], [
    facts.created,
    facts.nonce,
    facts.keyId,
  ]);
  assert.deepEqual(parsed.digest, emptyDigest);
  assert.equal(await verifySignature(facts, parsed, publicKey), true);
});

Deno.test("verifySignature() refuses when anything that is covered differs", async () => {
  const parsed = parseSignature(headersOf(await signRequest(facts, privateKey)))!;
  const { publicKey: stranger } = await crypto.subtle.generateKey("Ed25519", true, [
    "sign",
    "verify",
  ]) as CryptoKeyPair;
  assert.equal(await verifySignature(facts, parsed, stranger), false, "another key");
  for (const changed of [{ method: "POST" }, { path: facts.path + "d" }, { query: "?attempt=1" }]) {
    assert.equal(await verifySignature({ ...facts, ...changed }, parsed, publicKey), false);
  }
  const other = new Uint8Array(32);
  for (
    const changed of [{ created: facts.created + 1 }, { nonce: newNonce() }, { digest: other }, {
      keyId: "0".repeat(64),
    }]
  ) {
    assert.equal(await verifySignature(facts, { ...parsed, ...changed }, publicKey), false);
  }
});

Deno.test("parseSignature() refuses every change of form", async () => {
  const signed = await signRequest(facts, privateKey);
  assert.ok(parseSignature(headersOf(signed)));
  assert.equal(parseSignature(new Headers()), undefined);
  for (const name of ["content-digest", "signature-input", "signature"] as const) {
    const { [name]: _, ...rest } = signed;
    assert.equal(parseSignature(new Headers(rest)), undefined, `without ${name}`);
    for (
      const text of [signed[name] + "x", " x" + signed[name], `${signed[name]}, ${signed[name]}`]
    ) {
      assert.equal(parseSignature(headersOf({ ...signed, [name]: text })), undefined, text);
    }
  }
  const twoSpellings = signed.signature.replace("==:", "").slice(0, -1);
  const last = signed.signature.at(-4)!;
  const second = String.fromCharCode(last.charCodeAt(0) + 1);
  assert.equal(
    parseSignature(headersOf({ ...signed, signature: `${twoSpellings}${second}==:` })),
    undefined,
    "base64 with stray bits spells the same bytes twice",
  );
});

Deno.test("parseSignature() never throws, whatever the headers hold", () => {
  const text = fc.string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
  });
  fc.assert(fc.property(text, text, text, (digest, input, signature) => {
    assert.equal(
      parseSignature(
        new Headers({ "content-digest": digest, "signature-input": input, signature }),
      ),
      undefined,
    );
  }));
});

Deno.test("importPublicKey() takes 32 raw bytes in one spelling only", async () => {
  const text = toBase64url(publicBytes);
  assert.ok(await importPublicKey(text));
  for (
    const wrong of ["", text + "=", text.slice(1), ` ${text}`, toBase64url(new Uint8Array(31)), "é"]
  ) {
    assert.equal(await importPublicKey(wrong), undefined, wrong);
  }
});

Deno.test("newNonce() gives 22 characters that parseSignature() takes, never twice", () => {
  const nonces = Array.from({ length: 100 }, newNonce);
  assert.equal(new Set(nonces).size, 100);
  for (const nonce of nonces) assert.match(nonce, /^[A-Za-z0-9_-]{22}$/);
});
