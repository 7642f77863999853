/**
 * The API is data: one value per endpoint. The server's routes, the SDK, the CLI's `api`, OpenAPI and the docs read it.
 *
 * To add an endpoint: 1. shapes and the endpoint in the file of its noun  2. name it in endpoints.ts  3. one line in
 * server/src/http/routes/<noun>.ts  4. a method in the SDK  5. its errors in errors.ts, if they are new  6. a request
 * to it in server/src/http/endpoint-samples-test-kit.ts, with which tests try it under wrong keys.
 *
 * zod is imported as a namespace everywhere here, so that bundlers leave out of the SDK what of it is not used.
 */
import type * as z from "zod";
import type { Access } from "./access.js";
import type { ErrorCode } from "./errors.js";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** How a body or result travels: JSON by a schema, raw bytes, nothing, or messages over a WebSocket. */
export type Payload = z.ZodType | "bytes" | "none";

export interface Endpoint<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends Payload = Payload,
  Result extends Payload = Payload,
> {
  /** camelCase, unique: OpenAPI's operationId. */
  readonly id: string;
  readonly method: Method;
  /** Parameters as `:name`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  readonly description?: string;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly result: Result;
  /** What a result of bytes can be; application/octet-stream where nothing is said. */
  readonly resultTypes?: readonly string[];
  /** Status of success. */
  readonly status: number;
  /** Errors beyond those that every endpoint can answer (InvalidRequest, Unauthorized, InternalError, …). */
  readonly errors: readonly ErrorCode[];
  /** Set where the connection is upgraded to a WebSocket; names the messages in each direction. */
  readonly stream?: { readonly send: z.ZodType; readonly receive: z.ZodType };
  /** A repeat of the call changes nothing more than the first: clients may retry it. */
  readonly isIdempotent: boolean;
  /** It changes nothing, and is in the audit log all the same. */
  readonly isAudited?: boolean;
}

type Definition<P extends z.ZodType, Q extends z.ZodType, B extends Payload, R extends Payload> = Omit<
  Endpoint<P, Q, B, R>,
  "isIdempotent" | "status" | "errors"
> & { readonly status?: number; readonly errors?: readonly ErrorCode[]; readonly isIdempotent?: boolean };

/** Declares an endpoint; GET, PUT and DELETE count as idempotent unless told otherwise. */
export function endpoint<P extends z.ZodType, Q extends z.ZodType, B extends Payload, R extends Payload>(
  definition: Definition<P, Q, B, R>,
): Endpoint<P, Q, B, R> {
  return {
    status: definition.result === "none" ? 204 : 200,
    errors: [],
    isIdempotent: definition.method === "GET" || definition.method === "PUT" || definition.method === "DELETE",
    ...definition,
  };
}

export type Schema = z.ZodType;
/** What is written where the schema reads, and what it makes of it. */
export type SchemaInput<S extends Schema> = z.input<S>;
export type SchemaOutput<S extends Schema> = z.output<S>;

export type PayloadValue<P extends Payload> = P extends z.ZodType ? z.output<P> : P extends "none" ? undefined : never;
export type PayloadInput<P extends Payload> = P extends z.ZodType ? z.input<P> : undefined;
