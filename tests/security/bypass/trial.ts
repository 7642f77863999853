/** Makes attempts from inside a sandbox, or from this host, each with its own token. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sandbox } from "alcove";
import { run } from "../../../packages/server/src/host/run.js";
import type { Attempt } from "./attempt.js";

export const program = join(import.meta.dirname, "attempts.py");
/** What the names had for addresses, by name and family. */
export type Known = Readonly<Record<string, string>>;

/** By attempt. */
export type Tokens = ReadonlyMap<Attempt, string>;

export function tokensFor(attempts: readonly Attempt[]): Tokens {
  return new Map(attempts.map((attempt) => [attempt, randomBytes(16).toString("hex")]));
}

/** As programs of the sandbox; `/root/attempts.py` is there. */
export async function tryInside(sandbox: Sandbox, tokens: Tokens, known: Known = {}): Promise<Known> {
  await sandbox.files.write("/root/plan.json", planOf(tokens, { known, overrides: {} }));
  const { stdout } = await sandbox.exec(["python3", "/root/attempts.py", "/root/plan.json"], { check: true });
  return { ...known, ...(JSON.parse(stdout) as Known) };
}

/** Asks for names, one after the other; what their addresses are. */
export async function askFor(sandbox: Sandbox, names: readonly string[]): Promise<Known> {
  const ask =
    "import json, socket, sys; print(json.dumps({name: socket.gethostbyname(name) for name in sys.argv[1:]}))";
  const { stdout } = await sandbox.exec(["python3", "-c", ask, ...names], { check: true });
  return JSON.parse(stdout) as Known;
}

/** With nothing in the way. */
export async function tryDirectly(tokens: Tokens, overrides: Readonly<Record<string, string>>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-bypass-"));
  try {
    const plan = join(directory, "plan.json");
    await writeFile(plan, planOf(tokens, { known: {}, overrides }));
    await run("python3", [program, plan], { timeoutMs: 120_000 });
  } finally {
    await rm(directory, { recursive: true });
  }
}

function planOf(tokens: Tokens, rest: { readonly known: Known; readonly overrides: Known }): string {
  return JSON.stringify({ attempts: [...tokens].map(([attempt, token]) => attempt.steps(token)), ...rest });
}
