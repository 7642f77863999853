/**
 * First light: a real piece of work in a sandbox. Files go in, a Python program reads them and tells how far it is, and its
 * result comes out as a file. Run it with `./dev demo`.
 */
import { Alcove, AlcoveError, Sandbox } from "alcove";

const program = `
import csv, json, sys, time
from collections import defaultdict

started = time.monotonic()
days = defaultdict(list)
with open("/work/readings.csv") as file:
    for number, row in enumerate(csv.DictReader(file), start=1):
        days[row["day"]].append(float(row["celsius"]))
        if number % 4000 == 0:
            print(f"{number} readings read", flush=True)

result = {day: {"mean": round(sum(values) / len(values), 2), "highest": max(values)} for day, values in days.items()}
warmest = max(result, key=lambda day: result[day]["mean"])
with open("/work/result.json", "w") as file:
    json.dump({"warmest": warmest, "days": result, "seconds": round(time.monotonic() - started, 3)}, file)
print(f"the warmest of {len(result)} days is {warmest}", flush=True)
`;

try {
  await firstLight();
} catch (error) {
  if (!(error instanceof AlcoveError)) throw error;
  console.error(`\nerror: ${error.message}\nhint: ${error.hint}`);
  if (error.incidentId !== undefined) console.error(`incident: ${error.incidentId}`);
  process.exitCode = 1;
}

async function firstLight(): Promise<void> {
  using alcove = new Alcove();
  await timed("Image debian is ready", () => prepareImage(alcove));
  await using sandbox = await timed("Sandbox created", () => Sandbox.create({ image: "debian", alcove }));
  await timed("Files written into it", async () => {
    await sandbox.files.write("/work/readings.csv", readings(12_000), { createDirs: true });
    await sandbox.files.write("/work/program.py", program);
  });
  await timed("Python program has run", async () => {
    const running = await sandbox.spawn(["python3", "/work/program.py"]);
    for await (const line of running.stdout.lines()) console.log(`    python3: ${line}`);
    const { exitCode } = await running.wait();
    if (exitCode !== 0) throw new Error(`The program ended with exit code ${exitCode}.`);
  });
  const result = await timed("Result file read", () => sandbox.files.readText("/work/result.json"));
  const kernel = await timed("Kernel asked", () => sandbox.exec("uname -sr", { check: true }));
  const { warmest, days } = JSON.parse(result) as { warmest: string; days: Record<string, { mean: number }> };
  console.log(`\nThe warmest day was ${warmest}: ${days[warmest]?.mean} °C on average.`);
  console.log(`It was found under a kernel of its own: ${kernel.stdout.trim()}\n`);
}

/** The first time takes about a minute: Debian packages are installed into a disk, and a machine is booted from it. */
async function prepareImage(from: Alcove): Promise<void> {
  let said = "";
  await from.images.prepare("debian", {
    onProgress: ({ state, message, progress }) => {
      const line = `${Math.round(progress * 20) * 5} % ${message}`;
      if (state !== "Building" || line === said) return;
      said = line;
      console.log(`    ${line}`);
    },
  });
}

/** Temperatures of a month, with a warm spell in its middle. */
function readings(count: number): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const day = 1 + (index % 30);
    const celsius = 14 + 8 * Math.exp(-(((day - 17) / 5) ** 2)) + 4 * Math.sin(index);
    return `2026-06-${String(day).padStart(2, "0")},${celsius.toFixed(2)}`;
  });
  return `day,celsius\n${lines.join("\n")}\n`;
}

async function timed<Result>(what: string, work: () => Promise<Result>): Promise<Result> {
  const startedAt = performance.now();
  const done = await work();
  console.log(`✓ ${what.padEnd(24)} ${Math.round(performance.now() - startedAt)} ms`);
  return done;
}
