/** Which pages of other origins may call: said by the port, in the program's place. */
import type { PortCors } from "@alcove/contract";
import type { VisitRequest } from "./visit-request.js";

const usualMethods = ["GET", "HEAD", "POST"];

export function isCorsHeader(name: string): boolean {
  return name.startsWith("access-control-allow-") || name === "access-control-max-age";
}

/** What answers a browser that asks first; undefined where it does not ask. */
export function preflightAnswer(cors: PortCors | undefined, request: VisitRequest): string[] | undefined {
  const { origin, "access-control-request-method": method } = request.headers;
  if (cors === undefined || request.method !== "OPTIONS" || origin === undefined || method === undefined)
    return undefined;
  const allowed = corsAnswer(cors, origin);
  if (!allowed.includes("access-control-allow-origin")) return allowed;
  const { allowMethods = usualMethods, allowHeaders = [], maxAge } = cors;
  return [
    ...allowed,
    ...["access-control-allow-methods", allowMethods.join(", ")],
    ...(allowHeaders.length === 0 ? [] : ["access-control-allow-headers", allowHeaders.join(", ")]),
    ...(maxAge === undefined ? [] : ["access-control-max-age", String(maxAge)]),
  ];
}

export function corsAnswer({ allowOrigins, allowCredentials }: PortCors, origin: string | undefined): string[] {
  if (allowOrigins.includes("*")) return ["access-control-allow-origin", "*"];
  const isAllowed = origin !== undefined && allowOrigins.some((one) => one.toLowerCase() === origin.toLowerCase());
  const headers = isAllowed ? ["access-control-allow-origin", origin] : [];
  if (isAllowed && allowCredentials === true) headers.push("access-control-allow-credentials", "true");
  return [...headers, "vary", "Origin"];
}
