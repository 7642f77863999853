/** How connections of a group's sandboxes may leave the host: as its owner says, by names that rules of policies refer to. */
import * as z from "zod";
import { RouteName } from "./names.js";
import { parseUrl } from "./parse-url.js";
import { SecretRef } from "./value-refs.js";

const mostRoutes = 64;
const mostCertificateBytes = 262_144;

const ProxyUrl = z
  .string()
  .max(2_048)
  .refine(isProxyUrl, {
    message: "must be http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT",
    params: { hint: "Leave user, path and query out; user and password are a secret that credentials names." },
  })
  .describe("Of the proxy. Without a port: 80, 443, 1080");

/** In brackets, where it has colons. */
function isProxyUrl(text: string): boolean {
  const [, host, port] =
    /^(?:https?|socks5):\/\/([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{1,5}))?\/?$/.exec(text) ?? [];
  if (host === undefined || parseUrl(text) === undefined) return false;
  return port === undefined || (Number(port) >= 1 && Number(port) <= 65_535);
}

export const UpstreamRoute = z
  .discriminatedUnion("type", [
    z.strictObject({ type: z.literal("Direct") }),
    z.strictObject({
      type: z.literal("Interface"),
      name: z
        .string()
        .regex(/^[^\s/:%]{1,15}$/, "must be the name of a network interface, such as eth1")
        .describe("Connections are made from an address of this interface of the host; without one they are not made"),
    }),
    z
      .strictObject({
        type: z.literal("Proxy"),
        url: ProxyUrl,
        certificates: z
          .string()
          .max(mostCertificateBytes)
          .optional()
          .describe(
            "Of an https proxy: PEM certificates of authorities that it may have its own from, beside the system's",
          ),
        credentials: SecretRef.omit({ format: true })
          .optional()
          .describe("One of the group's secrets, whose value is USER:PASSWORD. Without it nothing leaves by the route"),
      })
      .refine(({ url, certificates }) => certificates === undefined || url.startsWith("https:"), {
        message: "must be left out where the proxy is not an https one",
        path: ["certificates"],
      }),
  ])
  .describe(
    "Direct: as the host's own connections. Interface: from one of its interfaces. Proxy: by an HTTP or SOCKS 5 proxy, which is told names and looks them up itself",
  )
  .meta({ id: "UpstreamRoute" });
export type UpstreamRoute = z.infer<typeof UpstreamRoute>;

export const UpstreamRoutes = z
  .record(RouteName, UpstreamRoute)
  .refine((routes) => Object.keys(routes).length <= mostRoutes, `must have at most ${mostRoutes} entries`);
