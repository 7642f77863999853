/**
 * The daemon under a fuzzer of the field, over TCP with an administrator's key: by its own OpenAPI document, over the fake
 * engine, so that thousands of requests take a minute. No request, right or wrong, is answered by 5xx, or by what the document
 * does not announce.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { TestDaemon } from "../harness/daemon.js";
import { isLong } from "../harness/long.js";
import { fuzz, hasFuzzer } from "./fuzzer.js";

/** Streams that have no end, and WebSockets: the fuzzer would wait for their last byte. */
const endless = [
  "streamEvents",
  "streamLogs",
  "streamExec",
  "attachExec",
  "streamTerminal",
  "attachTerminal",
  "streamEgressDecisions",
  "streamSandboxStats",
  "streamProcesses",
  "connectPort",
];
/** What takes away what the others work on, and itself: fuzzed with names that lead nowhere. */
const removing = ["deleteSandbox", "deleteGroup", "updateGroup", "setGroupQuota", "revokeKey", "revokeGroupKey"];

let directory: string;
let daemon: TestDaemon;
let url: string;
let key: string;
let document: { readonly paths: Record<string, Record<string, { readonly operationId: string }>> };
let sandboxId: string;
const whereInstalled = test.runIf(hasFuzzer);
const lack = hasFuzzer ? "" : " (skipped: the fuzzer is not installed; `./dev test` does it with python3-venv)";

beforeAll(async () => {
  if (!hasFuzzer) return;
  directory = await mkdtemp(join(tmpdir(), "alcove-fuzz-"));
  daemon = await TestDaemon.start({
    hasOwnData: true,
    environment: {
      ALCOVE_ENGINE: "fake",
      ALCOVE_LISTEN: "127.0.0.1:0",
      ALCOVE_TLS: "off",
      ALCOVE_CONFIG_DIR: directory,
    },
  });
  url = (await daemon.alcove.health()).tcp?.url ?? "";
  const created = await daemon.alcove.request({
    method: "POST",
    path: "/v1/keys",
    body: { name: "fuzzer", isAdmin: true, requestsPerMinute: 1_000_000 },
  });
  key = JSON.parse(await textOf(created.body)).key;
  document = JSON.parse(await textOf((await daemon.alcove.request({ method: "GET", path: "/openapi.json" })).body));
  sandboxId = (await daemon.alcove.sandboxes.create({ image: "debian" })).id;
}, 120_000);
afterAll(async () => {
  if (!hasFuzzer) return;
  await daemon[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

const textOf = (body: AsyncIterable<Uint8Array>) => text(body);
const operationIds = () =>
  Object.values(document.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));

whereInstalled(
  `Operations on what is there are answered as the document says${lack}`,
  async () => {
    // Of a path with one free part the fuzzer spoils the known ones too, and sends what is right after all.
    const known = { group: "default", id: sandboxId, principal: "oidc:fuzzer@example.com" };
    const options = { url, key, directory, document, known, examples: isLong ? 12 : 2, seconds: 80 };
    const excluded = [...endless, ...removing];
    const { cases, operations, complaint } = await fuzz({ ...options, excluded });
    process.stdout.write(`The fuzzer sent ${cases} requests to what is there.\n`);
    expect({ complaint, faults: await faults() }).toEqual({ complaint: "", faults: [] });
    expect(operations).toBe(operationIds().length - excluded.length);
    expect(cases).toBeGreaterThan(500);
  },
  240_000,
);

whereInstalled(
  `Operations that remove, and names that lead nowhere, are answered as the document says${lack}`,
  async () => {
    const excluded = operationIds().filter((id) => !removing.includes(id) && id !== "getSandbox" && id !== "getImage");
    const options = {
      url,
      key,
      directory,
      document,
      known: { group: "nowhere" },
      examples: isLong ? 20 : 8,
      seconds: 45,
    };
    const { cases, operations, complaint } = await fuzz({ ...options, excluded });
    process.stdout.write(`The fuzzer sent ${cases} requests to what is not there.\n`);
    expect({ complaint, faults: await faults() }).toEqual({ complaint: "", faults: [] });
    expect(operations).toBe(operationIds().length - excluded.length);
    expect(cases).toBeGreaterThan(100);
  },
  180_000,
);

/** What the daemon itself says is its own fault. */
async function faults(): Promise<string[]> {
  const log = await readFile(join(daemon.dataDirectory, "alcoved.log"), "utf8");
  return log.split("\n").filter((line) => /^\{"level":(?:50|60)/.test(line));
}
