/** The daemon's side alone: what it believes of the gateway's process. */
import { duplexPair } from "node:stream";
import { expect, test } from "vitest";
import { waitFor } from "../../lib/backoff.js";
import { settingsOf } from "../gateway-test-kit.js";
import type { FromWorker, ToWorker } from "../messages.js";
import { createGateway } from "./create-gateway.js";

/** A gateway whose process is played by the test. */
function played({ failsAtFirst = false } = {}) {
  const said: ToWorker[] = [];
  const logged: unknown[] = [];
  const recorded: unknown[] = [];
  const tokensAsked: unknown[] = [];
  let starts = 0;
  let hear: (message: unknown) => void = () => {};
  const gateway = createGateway({
    startWorker: () => {
      let finish: (how: string) => void = () => {};
      const ended = new Promise<string>((resolve) => {
        finish = resolve;
      });
      starts++;
      if (failsAtFirst && starts === 1) throw new Error("spawn ENOMEM");
      return {
        send: (message) => void said.push(message),
        onMessage: (listener) => {
          hear = listener;
        },
        ended,
        end: async () => finish("it was told to"),
      };
    },
    recordName: (...given) => void recorded.push(given),
    issueCertificate: async (group, host) => ({ certificate: `${host} of ${group}`, key: "key" }),
    issueToken: async (asked) => {
      tokensAsked.push(asked);
      return { fault: "unavailable" };
    },
    logger: {
      error: (...given: unknown[]) => void logged.push(given),
      warn: (...given: unknown[]) => void logged.push(given),
    },
  });
  const say = (message: FromWorker | object) => hear(message);
  const begin = () => {
    // Where it is needed first it is started; this stream is none that could be handed over.
    gateway.serveHost("none")(duplexPair()[0], { generation: 1 });
    say({ kind: "ready" });
  };
  return { gateway, said, logged, recorded, tokensAsked, say, begin, starts: () => starts };
}

const settings = settingsOf({ defaultAction: "Allow" }, { group: "ours", names: [{ index: 1, name: "one.test" }] });

test("settings are in force when the process says so, and all are said anew to the next one", async () => {
  const { gateway, said, say, begin } = played();
  await gateway.apply("a", settings);
  begin();
  expect(said.map(({ kind }) => kind)).toEqual(["begin", "apply"]);
  let isDone = false;
  const applying = gateway.apply("a", settings).then(() => {
    isDone = true;
  });
  const asked = said.at(-1);
  await Promise.resolve();
  expect(isDone).toBe(false);
  if (asked?.kind === "apply") say({ kind: "applied", request: asked.request });
  await applying;
  await gateway.close();
});

const refusal = (sandbox: string) => [
  { sandbox, fault: "too many names" },
  expect.stringContaining("it reaches nothing"),
];

test("settings that the process refuses leave a sandbox with nothing, until others are taken", async () => {
  const { gateway, said, say, begin, logged } = played();
  begin();
  const answerLast = (fault?: string) => {
    const asked = said.findLast(({ kind }) => kind === "apply");
    if (asked?.kind === "apply")
      say({ kind: "applied", request: asked.request, ...(fault !== undefined && { fault }) });
  };
  const first = gateway.apply("a", settings);
  answerLast();
  await first;
  const refused = gateway.apply("a", settings);
  answerLast("too many names");
  await expect(refused).rejects.toThrow("too many names");
  expect(said.at(-1)).toEqual({ kind: "remove", sandboxId: "a" });
  expect(logged).toEqual([refusal("a")]);
  const better = gateway.apply("a", settings);
  answerLast();
  await better;
  expect(said.at(-1)?.kind).toBe("apply");
  await gateway.close();
});

test("settings that came after those that were refused stay in force", async () => {
  const { gateway, said, say, begin } = played();
  begin();
  const refused = gateway.apply("a", { ...settings });
  const later = gateway.apply("a", { ...settings });
  const [one, other] = said.filter(({ kind }) => kind === "apply");
  if (one?.kind === "apply") say({ kind: "applied", request: one.request, fault: "too many names" });
  if (other?.kind === "apply") say({ kind: "applied", request: other.request });
  await expect(refused).rejects.toThrow("too many names");
  await later;
  expect(said.map(({ kind }) => kind)).not.toContain("remove");
  await gateway.close();
});

test("settings that the next process refuses leave their sandbox with nothing and are a line in the log", async () => {
  const { gateway, said, say, begin, logged } = played();
  await gateway.apply("a", settings);
  await gateway.apply("b", settings);
  begin();
  const asked = said.find((message) => message.kind === "apply" && message.sandboxId === "a");
  if (asked?.kind === "apply") say({ kind: "applied", request: asked.request, fault: "too many names" });
  await waitFor(() => said.at(-1)?.kind === "remove" || undefined, AbortSignal.timeout(5_000));
  expect(said.at(-1)).toEqual({ kind: "remove", sandboxId: "a" });
  expect(logged).toEqual([refusal("a")]);
  say({ kind: "ready" });
  const again = said.findLast((message) => message.kind === "apply" && message.sandboxId === "a");
  expect(again).toMatchObject({ settings: { group: "ours", policy: { defaultAction: "Deny" }, names: [] } });
  await gateway.close();
});

test("names are put on record for sandboxes that are known, and never a second one for an index", async () => {
  const { gateway, said, say, begin, recorded } = played();
  await gateway.apply("a", settings);
  begin();
  const ask = (sandboxId: string, index: number, name: string) => {
    say({ kind: "record", request: 7, sandboxId, entry: { index, name } });
    return said.at(-1);
  };
  expect(ask("a", 2, "two.test")).toEqual({ kind: "recorded", request: 7, isDone: true });
  expect(ask("a", 2, "evil.test")).toMatchObject({ isDone: false });
  expect(ask("a", 1, "evil.test")).toMatchObject({ isDone: false });
  expect(ask("unknown", 2, "two.test")).toMatchObject({ isDone: false });
  expect(recorded).toEqual([["a", { index: 2, name: "two.test" }]]);
  await gateway.close();
});

test("certificates are issued from the authority of the sandbox's own group", async () => {
  const { gateway, said, say, begin } = played();
  await gateway.apply("a", settings);
  begin();
  for (const sandboxId of ["a", "unknown"]) say({ kind: "issue", request: 1, sandboxId, host: "x.test" });
  await waitFor(
    () => said.filter(({ kind }) => kind === "issued").length === 2 || undefined,
    AbortSignal.timeout(5_000),
  );
  expect(said.filter(({ kind }) => kind === "issued")).toEqual(
    expect.arrayContaining([
      { kind: "issued", request: 1, issued: { certificate: "x.test of ours", key: "key" } },
      { kind: "issued", request: 1 },
    ]),
  );
  await gateway.close();
});

test("tokens are of the sandbox's own group, and only where that has an identity", async () => {
  const { gateway, said, say, begin, tokensAsked } = played();
  await gateway.apply("a", { ...settings, identity: { header: "x" } });
  await gateway.apply("plain", settings);
  begin();
  for (const sandboxId of ["a", "plain", "unknown"]) say({ kind: "token", request: 1, sandboxId, resource: "urn:a" });
  const answers = () => said.filter(({ kind }) => kind === "token");
  await waitFor(() => answers().length === 3 || undefined, AbortSignal.timeout(5_000));
  expect(answers()).toEqual(Array(3).fill({ kind: "token", request: 1, fault: "unavailable" }));
  expect(tokensAsked).toEqual([{ group: "ours", sandboxId: "a", resource: "urn:a" }]);
  await gateway.close();
});

test("decisions that were too many are told of, and for each sandbox in the log now and then, and those of unknown ones are not heard", async () => {
  const { gateway, say, begin, logged } = played();
  const told: unknown[] = [];
  gateway.onOmitted((...given) => void told.push(given));
  for (const sandboxId of ["a", "b"]) await gateway.apply(sandboxId, settings);
  begin();
  for (let time = 0; time < 3; time++) say({ kind: "decided", sandboxId: "a", decisions: [], omitted: 5 });
  say({ kind: "decided", sandboxId: "unknown", decisions: [], omitted: 5 });
  say({ kind: "decided", sandboxId: "b", decisions: [], omitted: 7 });
  expect(told).toEqual([...Array(3).fill(["a", 5]), ["b", 7]]);
  const sentence = expect.stringContaining("no line of their own");
  expect(logged).toEqual([
    [{ sandbox: "a", omitted: 5 }, sentence],
    [{ sandbox: "b", omitted: 7 }, sentence],
  ]);
  await gateway.close();
});

test("one that cannot be started is started again after a pause", async () => {
  const { gateway, said, say, begin, starts, logged } = played({ failsAtFirst: true });
  await gateway.apply("a", settings);
  begin();
  await waitFor(() => starts() === 2 || undefined, AbortSignal.timeout(5_000));
  expect(logged).toEqual([
    [{ how: "it could not be started: spawn ENOMEM" }, expect.stringContaining("another one is started")],
  ]);
  say({ kind: "ready" });
  expect(said.map(({ kind }) => kind)).toEqual(["begin", "apply"]);
  await gateway.close();
});

test("one that says what it never says is ended, and another is started", async () => {
  const { gateway, say, begin, starts } = played();
  begin();
  say({ kind: "record", request: 1, sandboxId: "a", entry: { index: 99_999, name: "x" } });
  await waitFor(() => starts() === 2 || undefined, AbortSignal.timeout(5_000));
  await gateway.close();
});

test("a process that cannot have a user of its own is a line in the log, and is kept", async () => {
  const { gateway, say, begin, logged, starts } = played();
  begin();
  say({ kind: "user-kept", reason: "EINVAL" });
  expect(logged).toEqual([[{ reason: "EINVAL" }, expect.stringContaining("runs as the daemon's")]]);
  expect(starts()).toBe(1);
  await gateway.close();
});
