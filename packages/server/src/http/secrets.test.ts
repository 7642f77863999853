/** A secret of a sandbox is found in the exec that asked for it, and nowhere else. */
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { ask, type Served, serve } from "./serve-for-tests.js";

const canary = "c4n4ry-93be";
const printed = `echo "[$TOKEN]"`;
const sandboxes = "/v1/groups/default/sandboxes";

interface Made {
  readonly served: Served;
  readonly path: string;
  /** Everything that any call answered. */
  readonly answers: string[];
  call(path: string, body?: unknown, method?: string): ReturnType<typeof ask>;
}

async function made(served: Served, body: object = {}): Promise<Made> {
  const answers: string[] = [];
  const call: Made["call"] = async (path, sent, method = sent === undefined ? "GET" : "POST") => {
    const reply = await ask(served.socketPath, path, { method, body: sent });
    answers.push(reply.text, JSON.stringify(reply.headers));
    return reply;
  };
  const secretEnvironment = { TOKEN: canary, OTHER: `${canary}-2` };
  const { status, json } = await call(sandboxes, { sourcesRef, secretEnvironment, ...body });
  expect(status).toBe(201);
  return { served, path: `${sandboxes}/${json.id}`, answers, call };
}

const sourcesRef = { diskImage: { name: "debian" } };

test("each kind of exec gets the secrets that it names, and no others", async () => {
  await using served = await serve();
  const { path, call } = await made(served);
  const shell = (more: object) => call(`${path}/executeShellCommand`, { command: printed, ...more });
  expect((await shell({})).json.stdout).toBe("[]\n");
  expect((await shell({ secrets: [] })).json.stdout).toBe("[]\n");
  expect((await shell({ secrets: ["OTHER"] })).json.stdout).toBe("[]\n");
  expect((await shell({ secrets: ["TOKEN"] })).json.stdout).toBe(`[${canary}]\n`);
  expect((await shell({ secrets: ["TOKEN"], environment: { TOKEN: "own" } })).json.stdout).toBe(`[${canary}]\n`);
  const command = await call(`${path}/executeCommand`, { command: "sh", args: ["-c", printed], secrets: ["TOKEN"] });
  expect(command.json.stdout).toBe(`[${canary}]\n`);
  const id = randomUUID();
  await call(`${path}/execs`, { id, shellCommand: printed, secrets: ["TOKEN"] });
  expect((await call(`${path}/logstream?execId=${id}&follow=true`)).text).toBe(`[${canary}]\n`);
  expect(await streamed(served, path, { shellCommand: printed, secrets: ["TOKEN"] })).toContain(`[${canary}]`);
  expect(await streamed(served, path, { shellCommand: printed })).not.toContain(canary);
});

test("the program started with a sandbox gets those that entrypointSecrets names, in the next daemon too", async () => {
  await using served = await serve();
  const program = { entrypoint: ["sh", "-c", `${printed}; echo "[$OTHER]"`], entrypointSecrets: ["TOKEN"] };
  const { path, call } = await made(served, program);
  expect((await call(`${path}/logstream?follow=true`)).text).toBe(`[${canary}]\n[]\n`);
  await served.restart();
  const after = await call(`${path}/executeShellCommand`, { command: printed, secrets: ["TOKEN"] });
  expect(after.json.stdout).toBe(`[${canary}]\n`);
});

test("a name that there is no secret of is refused, and says which there are", async () => {
  await using served = await serve();
  const { path, call } = await made(served);
  const body = { secrets: ["TOKEN", "TOKKEN"] };
  const refusals = [
    await call(`${path}/executeShellCommand`, { command: "true", ...body }),
    await call(`${path}/executeCommand`, { command: "true", ...body }),
    await call(`${path}/execs`, { args: ["true"], ...body }),
  ];
  for (const { status, json } of refusals) {
    expect(status).toBe(400);
    const hint = "Its secrets are OTHER, TOKEN.";
    const detail = "The sandbox has no secret TOKKEN.";
    expect(json).toMatchObject({ code: "InvalidRequest", field: "secrets", value: "TOKKEN", detail, hint });
  }
  expect(await streamed(served, path, { args: ["true"], ...body })).toContain("no secret TOKKEN");
  expect((await call(`${path}/execs`)).text).toBe("[]");
  const entrypoint = { sourcesRef, secretEnvironment: { A: canary }, entrypointSecrets: ["toString"] };
  expect((await call(sandboxes, entrypoint)).json).toMatchObject({ field: "entrypointSecrets", value: "toString" });
});

test("no answer, error, event, log or audit record has it, in a batch and in a failing exec too", async () => {
  await using served = await serve();
  const { path, answers, call } = await made(served, { entrypoint: ["true"], entrypointSecrets: ["TOKEN"] });
  const secretEnvironment = { TOKEN: canary };
  await call(`${sandboxes}/batch`, { count: 2, sandbox: { sourcesRef, secretEnvironment } });
  const wrong = [
    { secretEnvironment: canary },
    { secretEnvironment: { TOKEN: `${canary}\0` } },
    { secretEnvironment: { "not a name": canary } },
    { secretEnvironment: { TOKEN: canary.repeat(10_000) } },
    { secretEnvironment: [canary] },
    { secretEnvironmnt: { TOKEN: canary } },
    { secretEnvironment: { TOKEN: [canary] } },
    { secretEnvironment, resources: { cpu: "many" } },
    { secretEnvironment, sourcesRef: { diskImage: { name: "nowhere" } } },
    `{"secretEnvironment": {"TOKEN": ${canary}`,
    `{"TOKEN": "${canary}" "${canary}"`,
  ];
  for (const body of wrong) {
    const sent = typeof body === "string" ? body : JSON.stringify({ sourcesRef, ...body });
    for (const text of [sent, `{"count": 1, "sandbox": ${sent}}`, `{"count": 1, "sandbox": [${sent}]}`]) {
      const place = text === sent ? sandboxes : `${sandboxes}/batch`;
      const reply = await ask(served.socketPath, place, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: text,
      });
      expect(reply.status).toBeGreaterThanOrEqual(400);
      answers.push(reply.text);
    }
  }
  answers.push(await streamed(served, path, `{"environment": {"TOKEN": ${canary}`));
  await call(`${path}/executeShellCommand`, { command: "exit 3", secrets: ["TOKEN"] });
  await call(`${path}/executeCommand`, { command: "/no/such", secrets: ["TOKEN"] });
  await call(`${path}/execs`, { args: ["/no/such"], secrets: ["TOKEN"], workingDirectory: "/no/where" });
  await call(`${path}/execs`, { args: ["sleep", "60"], secrets: ["TOKEN"] });
  for (const read of ["", "/execs", "/processes", "/stats", "/console", "/logstream"]) await call(`${path}${read}`);
  for (const read of [sandboxes, "/v1/audit", "/v1/groups/default/audit", "/v1/health", "/v1/server"]) await call(read);
  answers.push(await beginningOf(served, "/v1/groups/default/events?after=0"));
  await call(path, undefined, "DELETE");
  answers.push(await beginningOf(served, "/v1/groups/default/events?after=0"));
  expect(answers.join("\n")).toContain("sandbox.deleted");
  expect(answers.filter((text) => text.includes("c4n4ry"))).toEqual([]);
  expect(served.logged.map((line) => JSON.stringify(line)).filter((line) => line.includes("c4n4ry"))).toEqual([]);
});

test("a value of a group's secret is in the answer to a peek alone, which is in the audit log", async () => {
  await using served = await serve();
  const { path, answers, call } = await made(served, {});
  const secret = "/v1/groups/default/secrets/github";
  expect((await call(secret, { values: { token: canary } }, "PUT")).status).toBe(200);
  for (const values of [
    canary,
    [canary],
    { token: `${canary}\0` },
    { token: [canary] },
    { token: canary.repeat(5_000) },
  ])
    expect((await call(secret, { values }, "PUT")).status).toBe(400);
  expect((await call(secret, { values: { token: canary }, hosts: ["https://a.test/x"] }, "PUT")).status).toBe(400);
  for (const read of [secret, `${secret}/keys`, "/v1/groups/default/secrets", path]) await call(read);
  const peeked = await ask(served.socketPath, `${secret}/peek`, { method: "POST", body: {} });
  expect(peeked.json).toEqual({ version: 1, values: { token: canary } });
  const audit = await call("/v1/groups/default/audit");
  expect(JSON.stringify(audit.json)).toContain("peekSecret");
  answers.push(await beginningOf(served, "/v1/groups/default/events?after=0"));
  expect(answers.length).toBeGreaterThan(10);
  expect(answers.filter((text) => text.includes("c4n4ry"))).toEqual([]);
  expect(served.logged.map((line) => JSON.stringify(line)).filter((line) => line.includes("c4n4ry"))).toEqual([]);
});

/** What is there now of an answer that goes on. */
function beginningOf({ socketPath }: Served, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, agent: false }, (incoming) => {
      let text = "";
      let idle = setTimeout(() => outgoing.destroy(), 1_000);
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
        clearTimeout(idle);
        idle = setTimeout(() => outgoing.destroy(), 200);
      });
      incoming.on("error", () => undefined).on("close", () => resolve(text));
    });
    outgoing.on("error", reject).end();
  });
}

function streamed({ socketPath }: Served, path: string, start: object | string): Promise<string> {
  const socket = new WebSocket(`ws+unix:${socketPath}:${path}/exec/stream`);
  return new Promise((resolve, reject) => {
    let text = "";
    socket.on("open", () => socket.send(typeof start === "string" ? start : JSON.stringify({ type: "start", start })));
    socket.on("message", (message: Buffer) => {
      text += message.toString("latin1");
    });
    socket.on("error", reject).on("close", () => resolve(text));
  });
}
