/** Runs a program that speaks for itself: its output is ours. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { checkout } from "./checkout.js";

/** Answers with its exit code. It shares the terminal, so an interrupt reaches it too; an abort asks it to end. */
export async function show(
  program: string,
  args: readonly string[],
  options: { readonly signal: AbortSignal; readonly environment?: Readonly<Record<string, string>> },
): Promise<number> {
  const env = { ...process.env, ...options.environment };
  const child = spawn(program, [...args], { stdio: "inherit", cwd: checkout, env });
  const end = () => child.kill("SIGTERM");
  options.signal.addEventListener("abort", end, { once: true });
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return code ?? 1;
  } finally {
    options.signal.removeEventListener("abort", end);
  }
}

/** A program of an npm package of this checkout. */
export function npmProgram(name: string): string {
  return `${checkout}/node_modules/.bin/${name}`;
}
