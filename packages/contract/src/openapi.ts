/** OpenAPI 3.1 out of the endpoints: nothing is written twice. */
import { z } from "zod";
import type { Endpoint, Payload } from "./endpoint.js";
import { endpoints } from "./endpoints.js";
import { commonErrors, type ErrorCode, errorCatalogue, Problem } from "./errors.js";

type Json = Record<string, unknown>;

export function openApi(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Alcove",
      version,
      summary: "Sandboxes in microVMs on your own machine",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://localhost", description: "The daemon's UNIX socket" }],
    security: [],
    tags: [...new Set(endpoints.map(tagOf))].map((name) => ({ name, description: `Everything about ${name}` })),
    paths,
    components: { schemas: { Problem: schemaOf(Problem, "output") } },
  };
}

function operation(endpoint: Endpoint): Json {
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
    tags: [tagOf(endpoint)],
    parameters: [...parameters(endpoint.params, "path"), ...parameters(endpoint.query, "query")],
    ...(endpoint.body === "none" ? {} : { requestBody: { required: true, content: content(endpoint.body, "input") } }),
    responses: { [endpoint.status]: success(endpoint), ...failures(endpoint) },
    ...(endpoint.stream === undefined
      ? {}
      : {
          "x-websocket": {
            send: schemaOf(endpoint.stream.send, "input"),
            receive: schemaOf(endpoint.stream.receive, "output"),
          },
        }),
  };
}

function parameters(schema: z.ZodType, place: "path" | "query"): Json[] {
  const { properties = {}, required = [] } = schemaOf(schema, "input") as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    schema: property,
  }));
}

function success(endpoint: Endpoint): Json {
  if (endpoint.status === 101) return { description: "The connection becomes a WebSocket" };
  if (endpoint.result === "none") return { description: "Done" };
  return { description: endpoint.summary, content: content(endpoint.result, "output") };
}

function content(payload: Payload, io: "input" | "output"): Json {
  if (payload === "none") return {};
  if (payload === "bytes") return { "application/octet-stream": { schema: { type: "string", format: "binary" } } };
  return { "application/json": { schema: schemaOf(payload, io) } };
}

function failures(endpoint: Endpoint): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set<ErrorCode>([...commonErrors, ...endpoint.errors])) {
    const status = errorCatalogue[code].status;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `${code}: ${errorCatalogue[code].sentence}`).join(" "),
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    ]),
  );
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    reused: "inline",
    override: ({ jsonSchema }) => void delete jsonSchema.id,
  });
  return rest;
}

function tagOf(endpoint: Endpoint): string {
  const nouns = endpoint.path
    .split("/")
    .filter((part) => part !== "" && part !== "v1" && part !== "groups" && !part.startsWith(":"));
  const noun = nouns.find((part) => /^(exec|execs|execute\w+|files)$/.test(part)) ?? nouns[0] ?? "system";
  return noun.startsWith("exec") ? "execs" : noun === "health" || noun === "version" ? "system" : noun;
}
