/**
 * What a trial of KVM showed is kept until the host, QEMU or the guest's kernel is another. That it worked is proof; that it
 * failed may have been a busy moment, so it is believed for a while only.
 */
import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeDurably } from "../../../host/write-durably.js";

export interface KvmTrial {
  readonly works: boolean;
  readonly seen: string;
  readonly remedy?: string | undefined;
}

/** Long enough that daemons which start one after the other do not all try, short enough to get over one bad moment. */
const failureHoldsMs = 60 * 60 * 1_000;

const Remembered = z.object({
  key: z.string(),
  at: z.number(),
  trial: z.object({ works: z.boolean(), seen: z.string(), remedy: z.string().optional() }),
});

/** The trial as it is known by now, saying that it was not made now; undefined when it is to be made anew. */
export async function recallTrial(path: string, key: string, now: number): Promise<KvmTrial | undefined> {
  const remembered = await read(path);
  if (remembered?.key !== key) return undefined;
  const { at, trial } = remembered;
  const when = new Date(at).toISOString();
  if (trial.works) return { ...trial, seen: `${trial.seen}, tried at ${when}` };
  // A clock that was set back would keep a failure for as long as it was wrong.
  if (now < at || now - at > failureHoldsMs) return undefined;
  return { ...trial, seen: `${trial.seen}, tried at ${when}; it is tried again after an hour` };
}

export async function rememberTrial(path: string, key: string, trial: KvmTrial, now: number): Promise<void> {
  await writeDurably(path, JSON.stringify({ key, at: now, trial }));
}

async function read(path: string): Promise<z.infer<typeof Remembered> | undefined> {
  try {
    return Remembered.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return undefined;
  }
}
