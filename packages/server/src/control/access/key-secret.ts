/** The text of an API key, `alc_ID_SECRET`: 80 bits of name, 256 bits of secret. Only the secret's hash is kept. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const form = /^alc_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/;
const secretBytes = 32;
const idAlphabet = "0123456789abcdefghijklmnopqrstuvwxyz";
const idLength = 16;

export interface NewKey {
  readonly id: string;
  readonly text: string;
  readonly secretHash: string;
}

export function newKey(): NewKey {
  const id = randomId();
  const secret = randomBytes(secretBytes).toString("base64url");
  return { id, text: `alc_${id}_${secret}`, secretHash: hashOf(secret) };
}

/** What a key says of itself; undefined where the text is no key. */
export function parseKey(text: string): { readonly id: string; readonly secret: string } | undefined {
  const [, id, secret] = form.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

/** Takes as long for a key that is not on record. */
export function matches(secret: string, secretHash: string | undefined): boolean {
  const isEqual = timingSafeEqual(Buffer.from(hashOf(secret), "hex"), Buffer.from(secretHash ?? noHash, "hex"));
  return isEqual && secretHash !== undefined;
}

const noHash = "0".repeat(64);

export function hashOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Bytes that would make the first letters likelier than the last are thrown away. */
function randomId(): string {
  let id = "";
  while (id.length < idLength) {
    for (const byte of randomBytes(idLength)) {
      if (byte < 252 && id.length < idLength) id += idAlphabet[byte % idAlphabet.length];
    }
  }
  return id;
}
