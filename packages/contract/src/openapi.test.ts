import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { endpoints } from "./endpoints.js";
import { errorCatalogue, errorCodes } from "./errors.js";
import { errorsOf, openApi } from "./openapi.js";

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Json }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: Json }> };
  readonly responses: Record<string, { readonly description: string; readonly content?: Json }>;
}

const description = openApi("1.2.3") as {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, Json> };
};
const operations = Object.values(description.paths).flatMap((methods) => Object.values(methods));
const operationOf = (id: string) => {
  const operation = operations.find(({ operationId }) => operationId === id);
  if (operation === undefined) throw new Error(`OpenAPI has no ${id}`);
  return operation;
};

test("redocly finds nothing to complain about", { timeout: 60_000 }, async () => {
  const { output, code } = await lint(description);
  expect(output).toContain("Your API description is valid");
  expect(output).not.toMatch(/\d+ (warning|error)/);
  expect(code).toBe(0);
});

test("redocly does complain about a reference that leads nowhere", { timeout: 60_000 }, async () => {
  const { Problem: _, ...schemas } = description.components.schemas;
  const { output, code } = await lint({ ...description, components: { schemas } });
  expect(output).toContain("Can't resolve $ref");
  expect(code).not.toBe(0);
});

test("OpenAPI has the endpoints, one operation each", () => {
  expect(operations.map(({ operationId }) => operationId).sort()).toEqual(endpoints.map(({ id }) => id).sort());
});

test("every operation but the WebSockets says what success looks like", () => {
  const without = operations.filter(
    ({ responses }) => !Object.keys(responses).some((status) => status.startsWith("2")),
  );
  const sockets = endpoints.filter(({ stream }) => stream !== undefined);
  expect(without.map(({ operationId }) => operationId).sort()).toEqual(sockets.map(({ id }) => id).sort());
});

test.each(endpoints)("$id tells exactly its errors, each under its status", (endpoint) => {
  const { responses } = operationOf(endpoint.id);
  const told = Object.entries(responses)
    .filter(([status]) => Number(status) >= 400)
    .flatMap(([status, { description: text }]) =>
      [...text.matchAll(/(\w+): /g)].map(([, code]) => `${code} ${status}`),
    );
  expect(told.sort()).toEqual(
    errorsOf(endpoint)
      .map((code) => `${code} ${errorCatalogue[code].status}`)
      .sort(),
  );
});

test("every code of the catalogue is an error of some endpoint, or belongs to no endpoint", () => {
  const told = new Set(endpoints.flatMap((endpoint) => errorsOf(endpoint)));
  const nowhere = errorCodes.filter((code) => !told.has(code));
  expect(nowhere).toEqual(["RouteNotFound", "MethodNotAllowed"]);
});

test("named schemas are components, and the same everywhere", () => {
  expect(description.components.schemas).toHaveProperty("Sandbox");
  expect(operationOf("getSandbox").responses["200"]?.content).toEqual({
    "application/json": { schema: { $ref: "#/components/schemas/Sandbox" } },
  });
});

test("numbers and flags in queries are integers and booleans, though they travel as text", () => {
  const types = Object.fromEntries(operationOf("readFile").parameters.map(({ name, schema }) => [name, schema.type]));
  expect(types).toMatchObject({ offset: "integer", length: "integer" });
  const recursive = operationOf("deleteFile").parameters.find(({ name }) => name === "recursive");
  expect(recursive?.schema.type).toBe("boolean");
});

test("no object of any request takes fields that it does not know", () => {
  const loose: string[] = [];
  const walk = (schema: unknown, place: string): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { $ref, properties, additionalProperties } = schema as Json;
    if (typeof $ref === "string") walk(description.components.schemas[$ref.split("/").at(-1) ?? ""], place);
    if (properties !== undefined && additionalProperties !== false) loose.push(place);
    for (const [key, inner] of Object.entries(schema)) walk(inner, `${place}.${key}`);
  };
  const bodies = operations.filter(({ requestBody }) => requestBody !== undefined);
  for (const { operationId, requestBody } of bodies)
    walk(requestBody?.content["application/json"]?.schema, operationId);
  expect(bodies.length).toBeGreaterThan(5);
  expect(loose).toEqual([]);
});

async function lint(document: object): Promise<{ output: string; code: number }> {
  const directory = await mkdtemp(join(tmpdir(), "alcove-openapi-"));
  try {
    const file = join(directory, "openapi.json");
    await writeFile(file, JSON.stringify(document));
    const config = new URL("../redocly.yaml", import.meta.url).pathname;
    const program = new URL("../../../node_modules/.bin/redocly", import.meta.url).pathname;
    const run = promisify(execFile)(program, ["lint", "--config", config, file], {
      env: { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true", NO_COLOR: "1" },
    });
    return await run.then(
      ({ stdout, stderr }) => ({ output: stdout + stderr, code: 0 }),
      (error: { stdout: string; stderr: string; code: number }) => ({
        output: error.stdout + error.stderr,
        code: error.code,
      }),
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}
