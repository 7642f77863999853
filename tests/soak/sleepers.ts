/** Sandboxes that each hold something of their own in a program, in memory and on the disk, and can be asked for it. */
import type { Alcove, Sandbox } from "alcove";

export interface Sleeper {
  readonly id: string;
  readonly token: string;
}

const size = { cpu: "1", memory: "256Mi" } as const;

/** The program answers out of its own memory; /run is a file system in memory, /root is on the disk. */
const hold = `
token=$1
echo "$token" > /run/token
echo "$token" > /root/token
mkfifo /run/asked /run/answer
while read -r word < /run/asked; do echo "$token $word" > /run/answer; done
`;
const ask = `
until [ -p /run/answer ]; do sleep 0.01; done
echo "$1" > /run/asked
cat /run/answer /run/token /root/token
`;

/** Suspends it as soon as its program has answered once. */
export async function fallAsleep(alcove: Alcove, token: string): Promise<Sleeper> {
  const cmd = ["sh", "-c", hold, "sh", token];
  const sandbox = await alcove.sandboxes.create({ image: "debian", ...size, cmd });
  const answer = await answerOf(sandbox, "before");
  if (answer !== answerOfSleeper(token, "before")) throw new Error(`${sandbox.id} answered ${answer} before it slept`);
  await sandbox.stop();
  return { id: sandbox.id, token };
}

/** Wakes it where it sleeps. */
export async function answerOf(sandbox: Pick<Sandbox, "exec">, word: string): Promise<string> {
  return (await sandbox.exec(["sh", "-c", ask, "sh", word], { check: true })).stdout;
}

export function answerOfSleeper(token: string, word: string): string {
  return `${token} ${word}\n${token}\n${token}\n`;
}
