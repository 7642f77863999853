/** Connections that a program of a sandbox keeps open, of every kind, and what it sends on them later. */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { waitFor } from "../../../packages/server/src/lib/backoff.js";
import type { Ground } from "./attempt.js";

export const kinds = [
  "the next request of a connection",
  "a WebSocket",
  "HTTP/2",
  "TLS that is not opened",
  "opaque bytes",
  "a request's body",
] as const;

export interface OpenSessions {
  /** Sends a new token on each, several times; fulfils with them, by kind, when the program is through. */
  send(): Promise<Readonly<Record<string, string>>>;
}

export async function openSessions(sandbox: Sandbox, { https, raw }: Ground): Promise<OpenSessions> {
  await sandbox.exec("rm -f /root/go-* /root/done-*");
  await sandbox.files.write("/root/sessions.py", await readFile(join(import.meta.dirname, "sessions.py")));
  const names = ["good.test", "pass.test"];
  await sandbox.spawn(["python3", "/root/sessions.py", ...names, `${https}`, `${raw}`], { detached: true });
  await done(sandbox, 0);
  let times = 0;
  return {
    send: async () => {
      times++;
      const tokens = Object.fromEntries(kinds.map((kind) => [kind, randomBytes(16).toString("hex")]));
      await sandbox.files.write(`/root/go-${times}`, JSON.stringify(tokens));
      await done(sandbox, times);
      return tokens;
    },
  };
}

async function done(sandbox: Sandbox, time: number): Promise<void> {
  const look = () => sandbox.files.stat(`/root/done-${time}`).catch(() => undefined);
  await waitFor(look, AbortSignal.timeout(90_000));
}
