/** Ports of sandboxes that others may come to, as ACA's: previews of what speaks HTTP, and TCP. */
import * as z from "zod";
import { PortIpAccessControl } from "./port-access.js";
import { PortAuth } from "./port-auth.js";
import { ActivationMode } from "./sandbox-state.js";

export const PortNumber = z.int().min(1).max(65_535).meta({ id: "PortNumber" });

/** Unique in its sandbox: 1 to 63 letters, digits and hyphens. */
export const PortName = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/,
    "must be 1 to 63 letters, digits or hyphens, beginning and ending with a letter or digit",
  )
  .meta({ id: "PortName" });

const CorsOrigin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[A-Za-z0-9.[\]:-]{1,260})$/, "must be * or an origin such as https://app.example.com");
const Token = z.string().regex(/^(?:\*|[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64})$/, "must be a name of HTTP's, or *");

/** Which pages of other origins may call: answered by the gateway, in place of the program. */
export const PortCors = z
  .strictObject({
    allowOrigins: z.array(CorsOrigin).min(1).max(50),
    /** Default: GET, HEAD, POST. */
    allowMethods: z.array(Token).max(20).optional(),
    allowHeaders: z.array(Token).max(50).optional(),
    /** Not with the origin *: any page could act for whoever looks at it. */
    allowCredentials: z.boolean().optional(),
    /** Seconds. */
    maxAge: z.int().min(0).max(86_400).optional(),
  })
  .refine(({ allowOrigins, allowCredentials }) => allowCredentials !== true || !allowOrigins.includes("*"), {
    path: ["allowCredentials"],
    message: "must not be true where every origin is allowed: name the origins",
  })
  .meta({ id: "PortCors" });

export type PortCors = z.infer<typeof PortCors>;

/** Http, the default: a preview, with a URL. Tcp: a listener on the server's own address, for whatever the program speaks. */
export const PortProtocol = z.enum(["Http", "Tcp"]).meta({ id: "PortProtocol" });

/** What opening a port with the protocol Tcp may fail with. */
export const tcpErrors = ["TcpPortsOff", "TcpPortsUsedUp"] as const;

const settings = {
  /** Who may come. Default: only callers with a key, and signed links. */
  auth: PortAuth,
  /** OnDemand, the default: who comes wakes a sandbox that sleeps. Manual: it is told that it sleeps. */
  activationMode: ActivationMode,
  /** From where one may come; without it from everywhere. */
  ipAccessControl: PortIpAccessControl,
  cors: PortCors,
  protocol: PortProtocol,
};

export const AddPort = z
  .strictObject({
    port: PortNumber,
    name: PortName.optional(),
    auth: settings.auth.optional(),
    activationMode: settings.activationMode.optional(),
    ipAccessControl: settings.ipAccessControl.optional(),
    cors: settings.cors.optional(),
    protocol: settings.protocol.optional(),
  })
  .superRefine((port, context) => {
    const fault = tcpFault(port);
    if (fault !== undefined) context.addIssue({ code: "custom", ...fault });
  })
  .meta({ id: "AddPort" });
export type AddPort = z.infer<typeof AddPort>;

/** What of a port with the protocol Tcp cannot be. */
export function tcpFault({
  protocol,
  auth,
  cors,
}: {
  readonly protocol?: z.infer<typeof PortProtocol> | undefined;
  readonly auth?: z.infer<typeof PortAuth> | undefined;
  readonly cors?: PortCors | undefined;
}): { readonly path: string[]; readonly message: string } | undefined {
  if (protocol !== "Tcp") return undefined;
  if (auth?.anonymous !== true)
    return { path: ["auth", "anonymous"], message: "must be true where protocol is Tcp, which carries no key" };
  if (auth.oidc !== undefined)
    return { path: ["auth", "oidc"], message: "must be left out where protocol is Tcp, which signs nobody in" };
  return cors === undefined ? undefined : { path: ["cors"], message: "must be left out where protocol is Tcp" };
}

const mostPorts = 50;

/** Each port and each name once. */
export const PortList = z
  .array(AddPort)
  .max(mostPorts)
  .superRefine((ports, context) => {
    ports.forEach(({ port, name }, at) => {
      const before = ports.slice(0, at);
      if (before.some((other) => other.port === port))
        context.addIssue({ code: "custom", path: [at, "port"], message: "must be there once" });
      if (name !== undefined && before.some((other) => other.name?.toLowerCase() === name.toLowerCase()))
        context.addIssue({ code: "custom", path: [at, "name"], message: "must be there once" });
    });
  });

export const SandboxPort = z
  .object({
    port: PortNumber,
    name: PortName.optional(),
    /** Where previews are served by host name, missing where the server serves none; of the protocol Tcp `tcp://HOST:PORT`. */
    url: z.string().optional(),
    /** For clients that cannot have such names: pages there have no origin of their own, and no storage. */
    pathUrl: z.string().optional(),
    /** Of the protocol Tcp: where it is reached; missing where the server has no listeners for it any more. */
    tcp: z.object({ host: z.string(), port: PortNumber }).optional(),
    protocol: PortProtocol,
    auth: PortAuth,
    activationMode: ActivationMode,
    ipAccessControl: PortIpAccessControl.optional(),
    cors: PortCors.optional(),
  })
  .meta({ id: "SandboxPort" });
export type SandboxPort = z.infer<typeof SandboxPort>;

export const SandboxPorts = z.object({ ports: z.array(SandboxPort) }).meta({ id: "SandboxPorts" });

const oneOf = "must name the port, by either port or name";
const isOne = ({ port, name }: { port?: number | undefined; name?: string | undefined }) =>
  (port === undefined) !== (name === undefined);

export const PortRef = z.strictObject({ port: PortNumber.optional(), name: PortName.optional() }).refine(isOne, oneOf);
export type PortRef = z.infer<typeof PortRef>;

/** null takes away what was set. */
export const ChangePort = z
  .strictObject({
    port: PortNumber.optional(),
    name: PortName.optional(),
    auth: settings.auth.nullable().optional(),
    activationMode: settings.activationMode.optional(),
    ipAccessControl: settings.ipAccessControl.nullable().optional(),
    cors: settings.cors.nullable().optional(),
    protocol: settings.protocol.optional(),
  })
  .refine(isOne, oneOf)
  .meta({ id: "ChangePort" });
export type ChangePort = z.infer<typeof ChangePort>;

export const PreviewLink = z.object({ url: z.string(), expiresAt: z.iso.datetime() }).meta({ id: "PreviewLink" });
export type PreviewLink = z.infer<typeof PreviewLink>;
