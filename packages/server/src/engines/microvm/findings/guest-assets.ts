/** The kernel, the first file system and the agent that every guest boots with, as `./dev` builds them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";

export interface GuestAssets {
  readonly kernel: string;
  readonly initramfs: string;
  /** The agent, runnable on the host too. */
  readonly agent: string;
  readonly kernelVersion: string;
  readonly agentVersion: string;
  /** Of all of it: part of a template's key. */
  readonly digest: string;
}

const Description = z.object({
  kernelVersion: z.string().max(200),
  agentVersion: z.string().max(200),
  digest: z.string().min(8).max(200),
});

export async function readGuestAssets(directory: string): Promise<GuestAssets> {
  const description = Description.parse(JSON.parse(await readFile(join(directory, "guest.json"), "utf8")));
  return {
    kernel: join(directory, "vmlinuz"),
    initramfs: join(directory, "initramfs"),
    agent: join(directory, "agent"),
    ...description,
  };
}
