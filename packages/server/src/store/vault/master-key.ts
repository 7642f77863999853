/**
 * The key that secrets are encrypted with: 32 bytes, as hexadecimal digits in a file of its own, outside the database and in no backup. It is
 * made when it is needed first, and never in the place of one that is missing.
 */

import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { AlcoveError } from "@alcove/contract";
import { writeKeyFile } from "../write-key-file.js";

const keyBytes = 32;
const forOthers = 0o007;

export class MasterKey {
  readonly #path: string;
  readonly #isNeeded: () => boolean;
  #known: Buffer | undefined;

  /** `isNeeded`: whether there is anything that was encrypted with a key. */
  constructor(path: string, isNeeded: () => boolean) {
    this.#path = path;
    this.#isNeeded = isNeeded;
  }

  /** Errors: SecretsUnreadable. */
  require(): Buffer {
    this.#known ??= this.#read() ?? this.#make();
    return this.#known;
  }

  #read(): Buffer | undefined {
    try {
      if ((statSync(this.#path).mode & forOthers) !== 0)
        throw unreadable(
          `The file of the secrets' key can be read or changed by every user of the host.`,
          "Take those rights away: chmod o= FILE.",
        );
      const text = readFileSync(this.#path, "utf8").trim();
      if (!/^[0-9a-f]{64}$/i.test(text))
        throw unreadable("The file of the secrets' key has not 64 hexadecimal digits.");
      return Buffer.from(text, "hex");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      if (error instanceof AlcoveError) throw error;
      throw unreadable("The file of the secrets' key cannot be read.", undefined, error);
    }
  }

  #make(): Buffer {
    if (this.#isNeeded()) throw unreadable("The file of the secrets' key is missing.");
    const key = randomBytes(keyBytes);
    const within = dirname(dirname(this.#path));
    writeKeyFile({ path: this.#path, within, content: `${key.toString("hex")}\n` });
    return key;
  }
}

export function unreadable(sentence: string, hint?: string, cause?: unknown): AlcoveError {
  return new AlcoveError("SecretsUnreadable", sentence, {
    ...(hint !== undefined && { hint }),
    ...(cause !== undefined && { cause }),
  });
}
