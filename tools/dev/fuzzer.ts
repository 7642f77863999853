/** The API fuzzer that tests/fuzz starts: Python packages at fixed versions, in an environment of its own. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../packages/server/src/host/run.js";
import { buildDirectory, checkout } from "./checkout.js";
import { step } from "./progress.js";

const requirements = join(checkout, "tests/fuzz/requirements.txt");
const directory = join(buildDirectory, "fuzzer");
/** Written last: what was installed, whole. */
const installedList = join(directory, "installed.txt");

export async function prepareFuzzer(signal: AbortSignal): Promise<void> {
  const wanted = await readFile(requirements, "utf8");
  if ((await readFile(installedList, "utf8").catch(() => "")) === wanted) return;
  if (!(await hasVenv(signal))) {
    process.stdout.write("The API fuzzer is left out: python3-venv is not installed.\n");
    return;
  }
  await step("API fuzzer", async () => {
    await rm(directory, { recursive: true, force: true });
    await run("python3", ["-m", "venv", directory], { signal });
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
    await run(join(directory, "bin/python3"), pip, { signal });
    await writeFile(installedList, wanted);
  });
}

function hasVenv(signal: AbortSignal): Promise<boolean> {
  return run("python3", ["-c", "import ensurepip, venv"], { signal }).then(
    () => true,
    () => false,
  );
}
