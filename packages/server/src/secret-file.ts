import { readFileSync } from "node:fs";
import { AlcoveError } from "@alcove/contract";

interface SecretFile {
  /** The configuration's. */
  readonly key: string;
  readonly path: string;
  readonly shortest: number;
}

/** What is the file's only line. */
export function readSecretFile({ key, path, shortest }: SecretFile): string {
  const secret = read(key, path);
  if (/^[\x21-\x7e]+$/.test(secret) && secret.length >= shortest) return secret;
  const hint = `Write one line of at least ${shortest} printable characters without blanks into it.`;
  throw new AlcoveError("InternalError", `${key} ${path} has no secret in it.`, { hint });
}

/** One that whoever configures the daemon thinks up: `openssl rand -hex 32`. */
export function readMetricsToken(path: string): string {
  return readSecretFile({ key: "metricsTokenFile", path, shortest: 16 });
}

function read(key: string, path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    const hint = `Make the file, or take ${key} out of the configuration.`;
    throw new AlcoveError("InternalError", `${key} cannot be read: ${(cause as Error).message}.`, { hint, cause });
  }
}
