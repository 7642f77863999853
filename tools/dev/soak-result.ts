/** What the long tests found: a run of some of them replaces what is written of these, each with its commit and its time. */
import { readFile, writeFile } from "node:fs/promises";
import { z } from "zod";
import type { Machine } from "../../bench/machine.js";

/** What vitest's JSON reporter writes, as far as it is told on. */
const Report = z.object({
  testResults: z.array(
    z.object({
      assertionResults: z.array(
        z.object({
          title: z.string(),
          status: z.string(),
          duration: z.number().nullish(),
          meta: z.object({ accelerator: z.string(), figures: z.record(z.string(), z.number()) }).partial(),
        }),
      ),
    }),
  ),
});

const Told = z.object({
  title: z.string(),
  status: z.string(),
  seconds: z.number(),
  figures: z.record(z.string(), z.number()).optional(),
  commit: z.string(),
  /** ISO 8601. */
  measuredAt: z.string(),
});

const hardware = { cpu: z.string(), cores: z.number(), memoryGiB: z.number() };
const Result = z.object({ machine: z.looseObject(hardware), tests: z.array(Told) });

export interface SoakRun {
  /** The file that vitest's JSON reporter has written. */
  readonly reportPath: string;
  readonly resultPath: string;
  readonly machineOf: (accelerator: string) => Promise<Machine>;
  readonly commit: string;
}

export async function recordSoak({ reportPath, resultPath, machineOf, commit }: SoakRun): Promise<void> {
  const { testResults } = Report.parse(JSON.parse(await readFile(reportPath, "utf8")));
  const ran = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "passed" || status === "failed");
  if (ran.length === 0) return;
  const machine = await machineOf(ran.find(({ meta }) => meta.accelerator !== undefined)?.meta.accelerator ?? "none");
  const told = ran.map(({ title, status, duration, meta: { figures } }) => ({
    ...{ title, status, seconds: Math.round((duration ?? 0) / 1_000) },
    ...(figures && { figures }),
    ...{ commit, measuredAt: machine.measuredAt },
  }));
  const titles = new Set(told.map(({ title }) => title));
  const others = (await toldBefore(resultPath, machine)).filter(({ title }) => !titles.has(title));
  const { measuredAt: _, ...seenOn } = machine;
  const tests = [...others, ...told].sort((a, b) => a.title.localeCompare(b.title));
  await writeFile(resultPath, `${JSON.stringify({ machine: seenOn, tests }, undefined, 2)}\n`);
}

/** Nothing where it was another machine: its figures cannot stand beside these. */
async function toldBefore(resultPath: string, machine: Machine): Promise<readonly z.infer<typeof Told>[]> {
  const text = await readFile(resultPath, "utf8").catch(() => "{}");
  const { success, data } = Result.safeParse(JSON.parse(text));
  if (!success) return [];
  const isSame = (Object.keys(hardware) as (keyof typeof hardware)[]).every(
    (key) => data.machine[key] === machine[key],
  );
  return isSame ? data.tests : [];
}
