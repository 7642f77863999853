import { expect, test } from "vitest";
import * as z from "zod";
import { endpoints } from "./endpoints.js";
import * as contract from "./index.js";

test("ids are unique, and so are method and path together", () => {
  const ids = endpoints.map(({ id }) => id);
  const places = endpoints.map(({ method, path }) => `${method} ${path.replace(/:\w+/g, ":")}`);
  expect(new Set(ids).size).toBe(ids.length);
  expect(new Set(places).size).toBe(places.length);
});

test("the list has every endpoint that the package exports, under its own name", () => {
  const exported = Object.entries(contract).filter(([, value]) => isEndpoint(value));
  expect(exported.map(([name]) => name).sort()).toEqual(endpoints.map(({ id }) => id).sort());
  for (const [name, value] of exported) expect(value).toHaveProperty("id", name);
});

test.each(endpoints)("$id: the path's parameters are those of its schema", ({ path, params }) => {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
  expect(params).toBeInstanceOf(z.ZodObject);
  expect(Object.keys((params as z.ZodObject).shape).sort()).toEqual(inPath.sort());
});

const parts = endpoints.flatMap((endpoint) =>
  (["params", "query", "body"] as const)
    .filter((part) => typeof endpoint[part] !== "string")
    .map((part) => ({ name: `${endpoint.id}.${part}`, schema: endpoint[part] as z.ZodType })),
);

test.each(parts)("$name refuses a field that it does not know", ({ schema }) => {
  const issues = schema.safeParse({ nobodyKnowsThis: "1" }).error?.issues ?? [];
  expect(issues).toContainEqual(expect.objectContaining({ code: "unrecognized_keys", keys: ["nobodyKnowsThis"] }));
});

test("only calls whose repeat is harmless are marked so", () => {
  const posts = endpoints.filter(({ method, isIdempotent }) => method === "POST" && isIdempotent).map(({ id }) => id);
  const ofSandboxes = ["disableSandbox", "enableSandbox", "resumeSandbox", "stopSandbox", "stopSandboxAsync"];
  const ofEgress = ["setEgressPolicy", "setEgressPolicyId", "testEgress", "testSandboxEgress"];
  const others = ["peekSecret", "prepareImage", "setLifecycle", "writeArchive", "writeFile"];
  expect(posts.sort()).toEqual([...ofSandboxes, ...ofEgress, ...others].sort());
});

function isEndpoint(value: unknown): boolean {
  return typeof value === "object" && value !== null && "method" in value && "path" in value;
}
