/**
 * OpenAPI 3.1 out of the endpoints: nothing is written twice. A schema with `.meta({ id })` becomes a named component;
 * what has none stands where it is used.
 */
import * as z from "zod";
import type { Endpoint, Payload } from "./endpoint.js";
import { endpoints } from "./endpoints.js";
import { commonErrors, type ErrorCode, errorCatalogue } from "./errors.js";
import { Problem } from "./problem.js";

type Json = Record<string, unknown>;

/** What people read above each group of endpoints. */
const tagDescriptions: Readonly<Record<Tag, string>> = {
  system: "The daemon itself",
  groups: "Groups: tags, defaults, quota and what is used",
  sandboxes: "Sandboxes: create, find, look into, delete",
  execs: "Programs in a sandbox: buffered, streaming, detached, and in a terminal",
  files: "Files of a sandbox, of any size, and whole directories",
  images: "What sandboxes start from",
  pools: "Warm pools: sandboxes that run already and that a creation takes",
  volumes: "Volumes: disks that outlive the sandboxes that have them",
  snapshots: "What sandboxes were: go on from there, copy, go back",
  egress: "What sandboxes may reach, and what they tried to",
  secrets: "Values that nobody sees again: for requests and for sandboxes",
  events: "What changed, as it changes",
  access: "Who may do what, and who did what",
};

type Tag =
  | "system"
  | "groups"
  | "sandboxes"
  | "execs"
  | "files"
  | "images"
  | "pools"
  | "volumes"
  | "snapshots"
  | "egress"
  | "secrets"
  | "events"
  | "access";

const accessNouns = ["/whoami", "/keys", "/roleAssignments", "/audit"];

export function openApi(version: string): Json {
  const components: Json = {};
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, components) };
  }
  schemaOf(Problem, "input", components);
  return {
    openapi: "3.1.0",
    info: {
      title: "Alcove",
      version,
      summary: "Sandboxes in microVMs on your own machine",
      description:
        "Errors are problem+json (RFC 9457) with a code of the catalogue. Unknown fields and queries are refused.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The daemon's UNIX socket, which only its owner can open, or TCP" }],
    // None: over the UNIX socket.
    security: [{ bearer: [] }, {}],
    tags: Object.entries(tagDescriptions).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      schemas: sorted(components),
      securitySchemes: {
        bearer: {
          type: "http",
          scheme: "bearer",
          description: "Over TCP: an API key (`alc_…`), or a token of the configured OIDC issuer",
        },
      },
    },
  };
}

/** The group of endpoints that one belongs to, from its path's last noun. */
export function tagOf(endpoint: Endpoint): Tag {
  if (endpoint.path.includes("/secrets")) return "secrets";
  if (accessNouns.some((noun) => endpoint.path.includes(noun))) return "access";
  if (endpoint.path.includes("/files")) return "files";
  if (/\/(exec|terminals)/.test(endpoint.path) || endpoint.path.endsWith("/logstream")) return "execs";
  if (endpoint.path.includes("/diskimages")) return "images";
  if (endpoint.path.includes("/pools")) return "pools";
  if (endpoint.path.includes("/volumes")) return "volumes";
  if (/\/(snapshots?|fork|rollback|commit)\b/.test(endpoint.path)) return "snapshots";
  if (endpoint.path.includes("/events")) return "events";
  if (/\/egress/i.test(endpoint.path)) return "egress";
  if (endpoint.path.includes("/sandboxes")) return "sandboxes";
  return endpoint.path.startsWith("/v1/groups") ? "groups" : "system";
}

/** Every code that an endpoint can answer: its own and the common ones. */
export function errorsOf(endpoint: Endpoint): readonly ErrorCode[] {
  return [...new Set<ErrorCode>([...commonErrors, ...endpoint.errors])];
}

function operation(endpoint: Endpoint, components: Json): Json {
  const { body, stream } = endpoint;
  return {
    operationId: endpoint.id,
    summary: endpoint.summary,
    ...(endpoint.description === undefined ? {} : { description: endpoint.description }),
    tags: [tagOf(endpoint)],
    parameters: [
      ...parameters(endpoint.params, "path", components),
      ...parameters(endpoint.query, "query", components),
    ],
    ...(body === "none" ? {} : { requestBody: { required: true, content: content(body, components) } }),
    responses: { [endpoint.status]: success(endpoint, components), ...failures(endpoint) },
    ...(stream === undefined
      ? {}
      : {
          "x-websocket": {
            send: inline(stream.send, components),
            receive: inline(stream.receive, components),
          },
        }),
  };
}

/** Queries travel as text; their schemas' output says what the text means (an integer, a boolean). */
function parameters(schema: z.ZodType, place: "path" | "query", components: Json): Json[] {
  const { properties = {}, required = [] } = schemaOf(schema, "output", components) as {
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

function success(endpoint: Endpoint, components: Json): Json {
  if (endpoint.status === 101) return { description: "The connection becomes a WebSocket" };
  if (endpoint.result === "none") return { description: "Done" };
  return { description: endpoint.summary, content: content(endpoint.result, components, endpoint.resultTypes) };
}

function content(
  payload: Exclude<Payload, "none">,
  components: Json,
  types: readonly string[] = ["application/octet-stream"],
): Json {
  if (payload === "bytes")
    return Object.fromEntries(types.map((type) => [type, { schema: { type: "string", format: "binary" } }]));
  return { "application/json": { schema: schemaOf(payload, "input", components) } };
}

function failures(endpoint: Endpoint): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(endpoint)) {
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

/** The schema's JSON form; named schemas in it are put into `components` and referred to. */
function schemaOf(schema: z.ZodType, io: "input" | "output", components: Json): Json {
  const wrapped = z.toJSONSchema(z.object({ schema }), { io, unrepresentable: "any" }) as Json as {
    properties: { schema: Json };
    $defs?: Record<string, Json>;
  };
  for (const [name, definition] of Object.entries(wrapped.$defs ?? {})) components[name] = referred(definition);
  return referred(wrapped.properties.schema);
}

/** The schema itself where no other place refers to it: linters do not look for references inside extensions. */
function inline(schema: z.ZodType, components: Json): Json {
  const form = schemaOf(schema, "input", components);
  const name = typeof form.$ref === "string" ? form.$ref.replace("#/components/schemas/", "") : undefined;
  if (name === undefined) return form;
  const definition = components[name] as Json;
  delete components[name];
  return definition;
}

function referred(schema: Json): Json {
  const text = JSON.stringify(schema, (key, value: unknown) =>
    key === "id" && typeof value === "string" ? undefined : value,
  );
  return JSON.parse(text.replaceAll('"#/$defs/', '"#/components/schemas/')) as Json;
}

function sorted(record: Json): Json {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
