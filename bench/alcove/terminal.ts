/** Typing into a shell: how long each key takes until the shell has shown it. */
import type { Sandbox } from "alcove";

/** The first are of a shell that has drawn nothing yet, in a guest that has run none of it. */
const warmUpKeys = 20;
/** One is shown, the next takes it away again: the line stays as short as it was. */
const typed = ["x", "\x7f"] as const;
const prompt = /[#$] $/;

/** Milliseconds of each key; the next is typed when the one before is there. */
export async function measureEchoes(sandbox: Sandbox, keys: number): Promise<number[]> {
  await using terminal = await sandbox.terminal();
  const shown = terminal.output[Symbol.asyncIterator]();
  let text = "";
  while (!prompt.test(text)) text += Buffer.from(await next(shown)).toString();
  const times: number[] = [];
  for (let key = -warmUpKeys; key < keys; key++) {
    const began = performance.now();
    await terminal.write(typed[Math.abs(key) % 2] ?? "x");
    await next(shown);
    if (key >= 0) times.push(performance.now() - began);
  }
  return times;
}

async function next(shown: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const { done, value } = await shown.next();
  if (done === true) throw new Error("The shell ended while it was typed into");
  return value;
}
