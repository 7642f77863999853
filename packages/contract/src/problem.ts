/**
 * An error of the catalogue, as it is thrown and as it travels: `application/problem+json` (RFC 9457), `{type, title, status,
 * detail, code, hint, field?, value?, incidentId?}`. `detail` is the sentence with what was seen; `hint` says what to do next.
 */
import * as z from "zod";
import { type ErrorCode, errorCatalogue, isErrorCode } from "./errors.js";

export const Problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    hint: z.string(),
    field: z.string().optional(),
    value: z.string().optional(),
    incidentId: z.string().optional(),
  })
  .meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;

export interface ErrorContext {
  /** The field, query parameter or header at fault, as a path: `resources.cpu`. */
  readonly field?: string;
  /** What was seen there, shortened. */
  readonly value?: string;
  readonly hint?: string;
  readonly incidentId?: string;
  /** Of the answer that told it: X-Request-Id, and how long its Retry-After asks to wait. */
  readonly requestId?: string | undefined;
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

/** An error of the catalogue; the same class on both sides of the wire. */
export class AlcoveError extends Error {
  override readonly name = "AlcoveError";
  readonly code: ErrorCode;
  readonly status: number;
  readonly hint: string;
  readonly field: string | undefined;
  readonly value: string | undefined;
  readonly incidentId: string | undefined;
  /** The server's log has it too; known where the error came over HTTP. */
  readonly requestId: string | undefined;
  /** How long the server asks to wait before another attempt. */
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, detail?: string, context: ErrorContext = {}) {
    super(detail ?? errorCatalogue[code].sentence, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.status = errorCatalogue[code].status;
    this.hint = context.hint ?? errorCatalogue[code].hint;
    this.field = context.field;
    this.value = context.value;
    this.incidentId = context.incidentId;
    this.requestId = context.requestId;
    this.retryAfterMs = context.retryAfterMs;
  }
}

/** The wire form of an error. */
export function toProblem(error: AlcoveError): Problem {
  return {
    type: `urn:alcove:error:${error.code}`,
    title: errorCatalogue[error.code].sentence,
    status: error.status,
    detail: error.message,
    code: error.code,
    hint: error.hint,
    ...(error.field === undefined ? {} : { field: error.field }),
    ...(error.value === undefined ? {} : { value: error.value }),
    ...(error.incidentId === undefined ? {} : { incidentId: error.incidentId }),
  };
}

/** The error of a wire form; unknown codes, of a newer server, become InternalError with the sentence kept. */
export function fromProblem(
  problem: Problem,
  context: Pick<ErrorContext, "requestId" | "retryAfterMs"> = {},
): AlcoveError {
  const code = isErrorCode(problem.code) ? problem.code : "InternalError";
  return new AlcoveError(code, problem.detail, {
    ...context,
    hint: problem.hint,
    ...(problem.field === undefined ? {} : { field: problem.field }),
    ...(problem.value === undefined ? {} : { value: problem.value }),
    ...(problem.incidentId === undefined ? {} : { incidentId: problem.incidentId }),
  });
}
