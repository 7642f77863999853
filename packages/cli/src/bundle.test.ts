/** The CLI as one file, as `./dev build` makes it and people run it; other tests run the modules. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const bundle = join(import.meta.dirname, "../bundle.js");
let place: string;

beforeAll(async () => {
  place = await mkdtemp(join(tmpdir(), "alcove-bundle-"));
  await run(process.execPath, [bundle, place], { env: environment() });
}, 120_000);
afterAll(() => rm(place, { recursive: true }));

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, XDG_CONFIG_HOME: place, ALCOVE_RUNTIME_DIR: join(place, "nobody") };
}

const start = () => join(place, "bin/alcove.js");

test("doctor looks for the agent where the checkout has it, seen from the bundle", async () => {
  const env = { ...environment(), ALCOVE_GUEST_DIR: "" };
  const found = await run(process.execPath, [start(), "--url", "http://127.0.0.1:1", "doctor"], { env }).catch(
    (failure) => failure,
  );
  expect(found.stdout).toContain(`launcher: there is none at ${join(place, "../../build/guest/agent")}:`);
});

test("the bundle opens TLS connections: nothing is left in it that code from V8's cache cannot load", async () => {
  const words = ["--url", "https://127.0.0.1:1", "whoami"];
  const env = { ...environment(), ALCOVE_API_KEY: "alc_0123456789abcdef_x", ALCOVE_FINGERPRINT: "a".repeat(64) };
  const refused = await run(process.execPath, [start(), ...words], { env }).catch((failure) => failure);
  expect(refused.stderr).toContain("ECONNREFUSED");
  expect(refused.stderr).not.toContain("ERR_VM");
});
