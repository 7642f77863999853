/** The pages docs/errors.md and docs/api.md, from the contract. pages.test.ts keeps the files equal to them; `npx vitest run -u` beside it writes them. */
import type { Endpoint } from "./endpoint.js";
import { endpoints } from "./endpoints.js";
import { commonErrors, errorCatalogue, errorCodes } from "./errors.js";
import { tagOf } from "./openapi.js";

export function errorsPage(): string {
  const rows = errorCodes.map((code) => {
    const { status, sentence, hint } = errorCatalogue[code];
    return `| \`${code}\` | ${status} | ${sentence} | ${cell(hint)} |`;
  });
  return page([
    "# Errors",
    "",
    "Every error is `application/problem+json` (RFC 9457): `type`, `title` (the sentence below), `status`, `detail` (what was",
    "seen, on which thing), `code`, `hint` (what to do next), and where they apply `field`, `value` and `incidentId`. Codes are",
    "never renamed or reused. In the SDK each is an `AlcoveError` with the same fields.",
    "",
    "A 4xx can be mended by the caller. Behind a 5xx the host, the sandbox or Alcove failed; `InternalError` has an incident id",
    "that stands in the daemon's log. 429 and 503 come with `Retry-After`.",
    "",
    "| Code | Status | Sentence | What to do next |",
    "|---|---|---|---|",
    ...rows,
  ]);
}

export function apiPage(): string {
  const tags = [...new Set(endpoints.map(tagOf))];
  const sections = tags.flatMap((tag) => [
    "",
    `## ${tag}`,
    "",
    "| Call | Who may | What it does | Body → result | Own errors |",
    "|---|---|---|---|---|",
    ...endpoints.filter((endpoint) => tagOf(endpoint) === tag).map(row),
  ]);
  return page([
    "# API",
    "",
    "All of it, with every shape: `/openapi.json` of a running daemon. Unknown fields and unknown or repeated query parameters",
    "are refused. Any call can also answer " +
      commonErrors.map((code) => `\`${code}\``).join(", ") +
      "; see errors.md.",
    ...sections,
  ]);
}

function row(endpoint: Endpoint): string {
  const method = endpoint.stream === undefined ? endpoint.method : "WebSocket";
  const queries = Object.keys((endpoint.query as { shape?: object }).shape ?? {});
  const query = queries.length === 0 ? "" : `?${queries.join("&")}`;
  const errors = endpoint.errors.map((code) => `\`${code}\``).join(" ");
  const travels = `${payload(endpoint.body)} → ${endpoint.stream === undefined ? payload(endpoint.result) : "messages"}`;
  return `| \`${method} ${endpoint.path}${query}\` | ${endpoint.access} | ${cell(endpoint.summary)} | ${travels} | ${errors} |`;
}

function payload(of: Endpoint["body"]): string {
  if (of === "none") return "nothing";
  return of === "bytes" ? "bytes" : "JSON";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function page(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
