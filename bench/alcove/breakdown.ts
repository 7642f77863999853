/** Where the time of a create and of an exec goes: each layer is measured by calling it alone, the rest is subtraction. */
import type { Alcove, Sandbox } from "alcove";
import { figuresOf, stopwatch } from "../measure.js";
import { asTable } from "../table.js";
import { image } from "./acts.js";

const rounds = 20;

type Line = readonly [what: string, milliseconds: number];

export async function breakdown(alcove: Alcove, sandbox: Sandbox, log: () => Promise<string>): Promise<string> {
  const exec = await execLines(alcove, sandbox);
  const create = await createLines(alcove, log);
  return [section("exec of `true`, medians", exec), section("create → first output, medians", create)].join("\n\n");
}

/** health never leaves the daemon; stats goes to the agent and back; the agent itself times the program. */
async function execLines(alcove: Alcove, sandbox: Sandbox): Promise<Line[]> {
  const inGuest: number[] = [];
  const health = await median(() => stopwatch(() => alcove.health()));
  const stats = await median(() => stopwatch(() => sandbox.stats()));
  const exec = await median(async () => {
    const started = performance.now();
    inGuest.push((await sandbox.exec(["true"])).durationMs);
    return performance.now() - started;
  });
  const program = figuresOf(inGuest, "high").p50;
  return [
    ["SDK, HTTP over the UNIX socket, routing (as in health)", health],
    ["daemon to agent and back (stats, less the above)", stats - health],
    ["the program, as the agent times it", program],
    ["the rest: store, start in the agent, output, JSON", exec - stats - program],
    ["all", exec],
  ];
}

async function createLines(alcove: Alcove, log: () => Promise<string>): Promise<Line[]> {
  const figures = { create: [] as number[], first: [] as number[], second: [] as number[], remove: [] as number[] };
  const before = (await log()).length;
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    const sandbox = await alcove.sandboxes.create({ image });
    figures.create.push(performance.now() - started);
    figures.first.push(await stopwatch(() => sandbox.exec(["echo", "hello"])));
    figures.second.push(await stopwatch(() => sandbox.exec(["echo", "hello"])));
    figures.remove.push(await stopwatch(() => sandbox.delete()));
  }
  const middle = (values: readonly number[]) => figuresOf(values, "high").p50;
  const engine = enginePhases((await log()).slice(before));
  const inEngine = engine.reduce((sum, [, milliseconds]) => sum + milliseconds, 0);
  const create = middle(figures.create);
  return [
    ...engine.map(([phase, milliseconds]): Line => [`engine: ${phase}`, milliseconds]),
    [engine.length > 0 ? "above the engine: SDK, HTTP, store, journal" : "create", create - inEngine],
    ["first exec, cold: the new QEMU translates all code anew", middle(figures.first)],
    ["all", create + middle(figures.first)],
    ["(a second exec)", middle(figures.second)],
    ["(delete)", middle(figures.remove)],
  ];
}

/** The engine's phases, as the daemon logs them: each phase's own length, in order. */
function enginePhases(log: string): Line[] {
  const timings = log.split("\n").flatMap((line) => {
    const found = line.includes('"timings"')
      ? (JSON.parse(line) as { timings: Record<string, number> }).timings
      : undefined;
    return found === undefined ? [] : [found];
  });
  const phases = Object.keys(timings[0] ?? {}).filter((name) => typeof timings[0]?.[name] === "number");
  const lengths = (phase: string, at: number) =>
    timings.map((timing) => (timing[phase] ?? 0) - (timing[phases[at - 1] ?? ""] ?? 0));
  return phases.map((phase, at): Line => [phase, figuresOf(lengths(phase, at), "high").p50]);
}

async function median(act: () => Promise<number>): Promise<number> {
  const values: number[] = [];
  for (let round = 0; round < rounds; round++) values.push(await act());
  return figuresOf(values, "high").p50;
}

function section(title: string, lines: readonly Line[]): string {
  return asTable([[title, "ms"], ...lines.map(([what, milliseconds]) => [`  ${what}`, milliseconds.toFixed(1)])]);
}
