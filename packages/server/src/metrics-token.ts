import { readFileSync } from "node:fs";
import { AlcoveError } from "@alcove/contract";

const shortest = 16;

/** The bearer that reads the metrics: the file's only line. */
export function readMetricsToken(path: string): string {
  const token = readToken(path);
  if (/^[\x21-\x7e]+$/.test(token) && token.length >= shortest) return token;
  const hint = "Write one line of at least 16 printable characters without blanks into it: `openssl rand -hex 32`.";
  throw new AlcoveError("InternalError", `metricsTokenFile ${path} has no token in it.`, { hint });
}

function readToken(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    const hint = "Make the file, or take metricsTokenFile out of the configuration.";
    throw new AlcoveError("InternalError", `metricsTokenFile cannot be read: ${(cause as Error).message}.`, {
      hint,
      cause,
    });
  }
}
