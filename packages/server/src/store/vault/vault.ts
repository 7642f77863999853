/** Values of secrets as they lie in the database: AES-256-GCM, bound to the place that they stand in, so that none can be put into another's. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { type MasterKey, unreadable } from "./master-key.js";

export interface Vault {
  /** Errors: SecretsUnreadable. */
  seal(place: readonly string[], value: string): Buffer;
  /** Errors: SecretsUnreadable, where it was encrypted with another key, for another place, or was changed. */
  open(place: readonly string[], sealed: Uint8Array): string;
}

const markBytes = 8;
const nonceBytes = 12;
const tagBytes = 16;
const algorithm = "aes-256-gcm";

/** Sealed: a mark of the key, nonce, tag, and the value encrypted. */
export function createVault(key: Pick<MasterKey, "require">): Vault {
  return {
    seal(place, value) {
      const secret = key.require();
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, secret, nonce, { authTagLength: tagBytes }).setAAD(bytesOf(place));
      const text = Buffer.concat([cipher.update(value, "utf8"), cipher.final()]);
      return Buffer.concat([markOf(secret), nonce, cipher.getAuthTag(), text]);
    },
    open(place, sealed) {
      const secret = key.require();
      const bytes = Buffer.from(sealed);
      const [mark, nonce, tag, text] = parted(bytes);
      if (!mark.equals(markOf(secret)))
        throw unreadable("A secret was encrypted with another key than the one that is there.");
      try {
        const decipher = createDecipheriv(algorithm, secret, nonce, { authTagLength: tagBytes });
        decipher.setAAD(bytesOf(place)).setAuthTag(tag);
        return Buffer.concat([decipher.update(text), decipher.final()]).toString("utf8");
      } catch (cause) {
        throw unreadable("A secret in the database is not what was written there.", undefined, cause);
      }
    },
  };
}

function parted(bytes: Buffer): [Buffer, Buffer, Buffer, Buffer] {
  const nonceAt = markBytes;
  const tagAt = nonceAt + nonceBytes;
  const textAt = tagAt + tagBytes;
  return [
    bytes.subarray(0, nonceAt),
    bytes.subarray(nonceAt, tagAt),
    bytes.subarray(tagAt, textAt),
    bytes.subarray(textAt),
  ];
}

function bytesOf(place: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify(place));
}

/** Says nothing of the key. */
function markOf(key: Buffer): Buffer {
  return createHash("sha256").update("alcove secrets key").update(key).digest().subarray(0, markBytes);
}
