/** What clients send in confidence is not in the daemon's log, whatever they ask, right or wrong. */
import { request } from "node:http";
import { endpoints } from "@alcove/contract";
import { expect, test } from "vitest";
import { ask, createSandbox, serve } from "./serve-for-tests.js";

const canary = "c4n4ry-7f3a";

test("no header, body or query of any endpoint is logged, at the most talkative level", {
  timeout: 60_000,
}, async () => {
  await using served = await serve();
  const sandbox = await createSandbox(served.socketPath);
  const key = await makeKey(served.socketPath);
  const exec = "00000000-0000-4000-8000-000000000000";
  // What removes the sandbox comes last.
  const inOrder = [...endpoints].sort(
    (one, other) => Number(one.method === "DELETE") - Number(other.method === "DELETE"),
  );
  let asked = 0;
  for (const { method, path } of inOrder) {
    const ids = path.replace(":group", "default").replace(":id", sandbox.id).replace(":execId", exec);
    const place = ids.replace(/:\w+/g, "debian");
    for (const body of bodies) {
      for (const target of [place, `${place}?token=${canary}`, `${place}?path=/tmp/a`]) {
        await send(served.socketPath, { method, path: target, body, key });
        asked += 1;
      }
    }
  }
  expect(asked).toBeGreaterThan(400);
  const lines = served.logged.map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes(canary) || line.includes(key))).toEqual([]);
});

test("a fault of ours is logged without what the caller sent, in the body or after the path", async () => {
  const fail = async () => {
    throw new TypeError("planted");
  };
  await using served = await serve((control) => ({
    ...control,
    sandboxes: { ...control.sandboxes, create: fail, list: fail },
  }));
  const body = JSON.stringify({ sourcesRef: { diskImage: { name: "debian" } }, environment: { TOKEN: canary } });
  const key = await makeKey(served.socketPath);
  const path = "/v1/groups/default/sandboxes";
  expect(await send(served.socketPath, { method: "POST", path, body, key })).toBe(500);
  const query = `${path}?labels=a%3D${canary}`;
  expect(await send(served.socketPath, { method: "GET", path: query, body: "", key })).toBe(500);
  const lines = served.logged.map((line) => JSON.stringify(line));
  expect(lines.filter((line) => line.includes("planted"))).toHaveLength(2);
  expect(lines.filter((line) => line.includes(canary) || line.includes(key))).toEqual([]);
});

/** Right for some endpoints, wrong for the others. */
const bodies: readonly string[] = [
  JSON.stringify({ sourcesRef: { diskImage: { name: "debian" } }, environment: { TOKEN: canary } }),
  JSON.stringify({ sourcesRef: { diskImage: { name: canary } }, labels: { a: canary } }),
  JSON.stringify({ command: ["echo", canary], env: { TOKEN: canary }, stdin: canary }),
  JSON.stringify({ [canary]: canary }),
  `{"${canary}`,
];

async function makeKey(socketPath: string): Promise<string> {
  const { json } = await ask(socketPath, "/v1/keys", { method: "POST", body: { name: "test", isAdmin: true } });
  return String(json.key);
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: string;
  readonly key: string;
}

/** The status; the rest of an answer, which may have no end, is left. */
function send(socketPath: string, { method, path, body, key }: Sent): Promise<number> {
  const headers = {
    authorization: `Bearer ${key}`,
    cookie: `session=${canary}`,
    "x-api-key": canary,
    "content-type": "application/json",
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (incoming) => {
      resolve(incoming.statusCode ?? 0);
      incoming.destroy();
    });
    outgoing.on("error", reject).end(body);
  });
}
