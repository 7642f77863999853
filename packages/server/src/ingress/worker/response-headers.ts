/** The headers of an answer as who comes gets them: cookies of this preview's host alone, and redirects that stay in it. */
import { hopByHopHeaders, type PortCors } from "@alcove/contract";
import { pairs } from "../../lib/grouped-headers.js";
import { corsAnswer, isCorsHeader } from "./cors.js";
import { isOurCookie } from "./own-cookies.js";
import { namedByConnection } from "./request-headers.js";
import type { Visitor } from "./visitor.js";

const hopByHop: ReadonlySet<string> = new Set([...hopByHopHeaders, "trailer"]);
/** A page that is shown by path has an origin of its own that is nobody's: no cookies to read, no storage, and none of the API's or of another preview. */
const sandboxed = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads";

interface Answered {
  readonly rawHeaders: readonly string[];
  readonly visitor: Visitor;
  readonly prefix: string;
  readonly port: number;
  readonly cors: PortCors | undefined;
  readonly origin: string | undefined;
  /** Origins of pages that may show it in a frame. */
  readonly framers?: readonly string[] | undefined;
}

export function headersToVisitor({ rawHeaders, visitor, prefix, port, cors, origin, framers }: Answered): string[] {
  const named = namedByConnection(rawHeaders);
  const headers: string[] = [];
  for (const [name, value] of pairs(rawHeaders)) {
    const known = name.toLowerCase();
    if (hopByHop.has(known) || named.has(known) || (cors !== undefined && isCorsHeader(known))) continue;
    const passed = ownValue(known, value, { visitor, prefix, port });
    if (passed !== undefined) headers.push(name, passed);
  }
  if (prefix !== "") headers.push("content-security-policy", sandboxed);
  if (framers !== undefined) headers.push("content-security-policy", ["frame-ancestors 'self'", ...framers].join(" "));
  if (cors !== undefined) headers.push(...corsAnswer(cors, origin));
  return headers;
}

type Where = Pick<Answered, "visitor" | "prefix" | "port">;

function ownValue(name: string, value: string, where: Where): string | undefined {
  if (name === "set-cookie") return ownCookie(value, where.prefix);
  if (name === "location" || name === "content-location") return ownLocation(value, where);
  // A worker of the path's origin would be one of all previews there.
  if (name === "service-worker-allowed" && where.prefix !== "") return undefined;
  return value;
}

/** Without a domain it is of this host alone; by path, of this preview's path. */
function ownCookie(value: string, prefix: string): string | undefined {
  const [pair = "", ...attributes] = value.split(";");
  if (isOurCookie(pair.split("=", 1)[0] ?? "")) return undefined;
  const isNamed = (attribute: string, name: string) => attribute.split("=", 1)[0]?.trim().toLowerCase() === name;
  const kept = attributes.filter((attribute) => !isNamed(attribute, "domain"));
  if (prefix === "") return [pair, ...kept].join(";");
  const path =
    kept
      .find((attribute) => isNamed(attribute, "path"))
      ?.split("=")[1]
      ?.trim() ?? "/";
  const others = kept.filter((attribute) => !isNamed(attribute, "path"));
  return [pair, ...others, ` Path=${prefix}${path.startsWith("/") ? path : "/"}`].join(";");
}

/** Programs that know themselves as localhost lead to the preview all the same. */
function ownLocation(value: string, { visitor, prefix, port }: Where): string {
  const origin = `${visitor.scheme}://${visitor.host}`;
  const own = new RegExp(`^https?://(?:localhost|127\\.0\\.0\\.1|0\\.0\\.0\\.0|\\[::1?\\]):${port}(?=[/?#]|$)`, "i");
  if (own.test(value)) return `${origin}${prefix}${value.replace(own, "")}`;
  if (prefix === "") return value;
  if (value.startsWith("/") && !value.startsWith("//")) return `${prefix}${value}`;
  return value.startsWith(`${origin}/`) ? `${origin}${prefix}${value.slice(origin.length)}` : value;
}
