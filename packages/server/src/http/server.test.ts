import { endpoints, errorCatalogue, openApi } from "@alcove/contract";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask, createSandbox, errorLevel, type Served, serve } from "./serve-for-tests.js";

let served: Served;
let sandbox: { id: string; path: string };
const get = (path: string, options = {}) => ask(served.socketPath, path, options);
const post = (path: string, body: unknown, options = {}) => get(path, { method: "POST", body, ...options });

beforeAll(async () => {
  served = await serve((control) => ({
    ...control,
    system: {
      ...control.system,
      health: () => Promise.reject(new Error("open /var/lib/alcove/secret: permission denied")),
    },
  }));
  sandbox = await createSandbox(served.socketPath);
});
afterAll(() => served[Symbol.asyncDispose]());

test("a sandbox is created, read, listed, counted and deleted", async () => {
  const created = await post("/v1/groups/default/sandboxes", {
    sourcesRef: { diskImage: { name: "debian" } },
    labels: { purpose: "list" },
  });
  expect(created.status).toBe(201);
  const path = `/v1/groups/default/sandboxes/${created.json.id}`;
  expect((await get(path)).json).toMatchObject(created.json);
  expect(JSON.parse((await get("/v1/groups/default/sandboxes?labels=purpose%3Dlist")).text)).toEqual([created.json]);
  expect((await get("/v1/groups/default/sandboxes/count?labels=purpose%3Dlist")).json).toEqual({ count: 1 });
  expect((await get(path, { method: "DELETE" })).status).toBe(204);
  expect((await get(path)).json).toMatchObject({ code: "SandboxNotFound", status: 404 });
});

test("a command runs and its result comes back", async () => {
  const { status, json } = await post(`${sandbox.path}/executeCommand`, { command: "echo", args: ["hi"] });
  expect(status).toBe(200);
  expect(json).toMatchObject({ exitCode: 0, stdout: "hi\n", stderr: "", stdoutTruncated: false });
});

test("/openapi.json is the contract's", async () => {
  expect((await get("/openapi.json")).json).toEqual(JSON.parse(JSON.stringify(openApi("0.0.0"))));
});

test.each(endpoints)("$id has a route: its method and path are known", async ({ method, path }) => {
  const concrete = path.replace(/:(\w+)/g, "~");
  const { json } = await get(concrete, { method });
  expect(["RouteNotFound", "MethodNotAllowed"]).not.toContain(json.code);
});

test("what is no endpoint is RouteNotFound", async () => {
  for (const path of ["/", "/v1", "/v1/health/", "//v1/health", "/v1/groups/default/sandboxes/x/y/z"]) {
    expect((await get(path)).json).toMatchObject({ code: "RouteNotFound", status: 404 });
  }
});

test("a method that an endpoint does not take is answered with those it takes", async () => {
  const { status, headers, json } = await get("/v1/groups/default/sandboxes", { method: "PUT" });
  expect(status).toBe(405);
  expect(headers.allow).toBe("POST, GET, HEAD, OPTIONS");
  expect(json).toMatchObject({ code: "MethodNotAllowed", value: "PUT" });
});

test("OPTIONS tells the methods, and nothing of other origins", async () => {
  const { status, headers } = await get("/v1/version", { method: "OPTIONS" });
  expect(status).toBe(204);
  expect(headers.allow).toBe("GET, HEAD, OPTIONS");
  expect(Object.keys(headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
});

test("HEAD is GET without the body", async () => {
  const [head, whole] = [await get("/v1/version", { method: "HEAD" }), await get("/v1/version")];
  expect(head.status).toBe(200);
  expect(head.text).toBe("");
  expect(head.headers["content-length"]).toBe(String(whole.text.length));
});

const refused: [string, () => ReturnType<typeof ask>, object][] = [
  ["an unknown query", () => get("/v1/version?verbose=1"), { field: "verbose", value: '"1"' }],
  ["an unknown query of a list", () => get("/v1/groups/default/sandboxes?label=a"), { field: "label" }],
  ["a query that is there twice", () => get("/v1/groups/default/sandboxes?page=1&page=2"), { field: "page" }],
  ["a query of the wrong kind", () => get("/v1/groups/default/sandboxes?page=one"), { field: "page", value: '"one"' }],
  ["a group with a bad name", () => get("/v1/groups/-x/sandboxes"), { field: "group", value: '"-x"' }],
  ["an id that is none", () => get("/v1/groups/default/sandboxes/7"), { field: "id", value: '"7"' }],
  ["percent signs that mean nothing", () => get("/v1/groups/%zz/sandboxes"), { field: "group", value: "%zz" }],
  ["an unknown field", () => post("/v1/groups/default/sandboxes", { image: "debian" }), { field: "image" }],
  [
    "an unknown field inside another",
    () =>
      post("/v1/groups/default/sandboxes", { sourcesRef: { diskImage: { name: "debian" } }, resources: { gpu: "1" } }),
    { field: "resources.gpu", value: "…" },
  ],
  [
    "a wrong type, deep inside",
    () => post(`${sandbox.path}/executeCommand`, { command: "ls", args: ["-l", 7] }),
    { field: "args[1]", value: "7" },
  ],
  [
    "an absurd size",
    () =>
      post("/v1/groups/default/sandboxes", {
        sourcesRef: { diskImage: { name: "debian" } },
        resources: { memory: "9000Gi" },
      }),
    { field: "resources.memory", value: '"9000Gi"' },
  ],
  ["a path with NUL", () => get(`${sandbox.path}/files?path=%2Fa%00b`), { field: "path" }],
  ["a relative path", () => get(`${sandbox.path}/files?path=a`), { field: "path", value: '"a"' }],
  ["a missing path", () => get(`${sandbox.path}/files`), { field: "path" }],
  ["an array for a body", () => post(`${sandbox.path}/executeCommand`, []), {}],
  [
    "a body where none belongs",
    () => get("/v1/version", { body: {}, headers: { "content-length": "2" } }),
    { field: "body" },
  ],
  [
    "neither args nor shellCommand",
    () => post(`${sandbox.path}/execs`, {}),
    { field: "args", detail: expect.stringContaining("exactly one of args and shellCommand") },
  ],
];

test.each(refused)("%s is refused, with the field", async (_what, send, expected) => {
  const { status, headers, json } = await send();
  expect(json).toMatchObject({ code: "InvalidRequest", status: 400, ...expected });
  expect(json.hint).toBeTypeOf("string");
  expect(status).toBe(400);
  expect(headers["content-type"]).toBe("application/problem+json");
});

test("JSON that is none is refused with the place", async () => {
  const options = { headers: { "content-type": "application/json" } };
  const { json } = await post(`${sandbox.path}/executeCommand`, '{"command": }', options);
  expect(json).toMatchObject({ code: "InvalidRequest", field: "body" });
  expect(json.detail).toContain("Unexpected token '}'");
});

test("a body of another type is refused", async () => {
  const { json } = await post(`${sandbox.path}/executeCommand`, "command=ls", {
    headers: { "content-type": "application/x-www-form-urlencoded" },
  });
  expect(json).toMatchObject({ code: "UnsupportedMediaType", field: "content-type" });
  expect((await post(`${sandbox.path}/executeCommand`, "{}")).json).toMatchObject({ code: "UnsupportedMediaType" });
});

test("a JSON body beyond 4 MiB is refused, announced or not", async () => {
  const body = JSON.stringify({ command: "x".repeat(5_000_000) });
  const announced = { "content-type": "application/json" };
  expect((await post(`${sandbox.path}/executeCommand`, body, { headers: announced })).status).toBe(413);
  const chunked = { ...announced, "transfer-encoding": "chunked" };
  const { json } = await post(`${sandbox.path}/executeCommand`, body, { headers: chunked });
  expect(json).toMatchObject({ code: "RequestTooLarge", field: "body" });
});

test("a web page is refused, whatever it asks for", async () => {
  for (const path of ["/v1/version", "/nothing"]) {
    const { json } = await get(path, { headers: { origin: "http://evil.example" } });
    expect(json).toMatchObject({ code: "Forbidden", field: "origin", value: "http://evil.example" });
  }
});

test("the caller's request id comes back; a harmful one is replaced", async () => {
  expect((await get("/v1/version", { headers: { "x-request-id": "a-1" } })).headers["x-request-id"]).toBe("a-1");
  const replaced = (await get("/v1/version", { headers: { "x-request-id": "a b\tc" } })).headers["x-request-id"];
  expect(replaced).toMatch(/^[0-9a-f-]{36}$/);
});

test("our own fault has an incident id, is logged once, and tells nothing of the host", async () => {
  const before = served.logged.length;
  const { status, json, text } = await get("/v1/health");
  expect(status).toBe(500);
  expect(json).toMatchObject({ code: "InternalError", detail: errorCatalogue.InternalError.sentence });
  expect(text).not.toContain("/var/lib");
  const lines = served.logged.slice(before).filter(({ level }) => level === errorLevel);
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({ incidentId: json.incidentId, path: "/v1/health" });
});

test("a WebSocket endpoint asked without an upgrade says so", async () => {
  const { json } = await get(`${sandbox.path}/exec/stream`);
  expect(json).toMatchObject({ code: "InvalidRequest", field: "upgrade" });
});

test("a body that is nested too deep, or has values without number, is the caller's fault and quickly told", async () => {
  const headers = { "content-type": "application/json" };
  const labels = Array.from({ length: 200_000 }, (_, number) => `"k${number}":"1"`).join(",");
  for (const body of ["[".repeat(1_900_000) + "]".repeat(1_900_000), `{"labels":{${labels}}}`]) {
    const { status, json } = await post("/v1/groups/default/sandboxes", body, { headers });
    expect(json).toMatchObject({ code: "InvalidRequest", field: "body" });
    expect(status).toBe(400);
  }
});
