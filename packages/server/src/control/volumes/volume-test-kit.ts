/** What tests of volumes share. */
import { AlcoveError, type CreateVolume } from "@alcove/contract";
import { group, never, type TestDaemon } from "../test-daemon.js";

export const data: CreateVolume = { name: "data", size: "1Gi" };
export const at = (mountpoint: string, volumeName = "data") => ({ volumeName, mountpoint });

export async function write({ control }: TestDaemon, id: string, path: string, text: string): Promise<void> {
  await control.files.write({ group, id }, path, bytes(text), { createDirs: false }, never);
}

export async function read({ control }: TestDaemon, id: string, path: string): Promise<string> {
  const { content } = await control.files.read({ group, id }, path, {}, never);
  return Buffer.concat(await content.toArray()).toString();
}

export async function* bytes(text: string) {
  yield Buffer.from(text);
}

export async function faultOf(work: Promise<unknown>): Promise<AlcoveError> {
  const fault = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (fault instanceof AlcoveError) return fault;
  throw new Error(`no AlcoveError but ${String(fault)}`);
}
