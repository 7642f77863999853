/** Programs as a person starts them: a process each, nothing on standard input. */
import { spawn } from "node:child_process";
import { once } from "node:events";

/** Fulfils when the program has ended well. */
export async function runToEnd(command: readonly string[]): Promise<void> {
  await ended(start(command), command);
}

/** Milliseconds until the program's first byte of output; waits for its end besides. */
export async function untilFirstOutput(command: readonly string[]): Promise<number> {
  const started = performance.now();
  const child = start(command);
  const end = ended(child, command);
  await Promise.race([once(child.stdout, "data"), end]);
  const elapsed = performance.now() - started;
  await end;
  return elapsed;
}

function start(command: readonly string[]) {
  const [program = "", ...args] = command;
  // Node parses every certificate of this file as it starts; no program here speaks TLS.
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
  return spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], env: environment });
}

async function ended(child: ReturnType<typeof start>, command: readonly string[]): Promise<void> {
  let errors = "";
  child.stdout.resume();
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${errors.trim().slice(-500)}`);
}
