/** The ports of one sandbox: routes as ACA's. */
import * as z from "zod";
import { endpoint } from "./endpoint.js";
import { wholeNumber } from "./names.js";
import { AddPort, ChangePort, PortList, PortRef, PreviewLink, SandboxPorts, tcpErrors } from "./ports.js";
import { Problem } from "./problem.js";
import { NoQuery, SandboxParams, wakeErrors } from "./sandboxes.js";

const path = "/v1/groups/:group/sandboxes/:id/ports" as const;
const common = { params: SandboxParams, query: NoQuery, result: SandboxPorts } as const;

export const listPorts = endpoint({
  ...common,
  id: "listPorts",
  method: "GET",
  path,
  access: "reader",
  summary: "List the ports of a sandbox that others may come to",
  body: "none",
  errors: ["SandboxNotFound"],
});

export const addPort = endpoint({
  ...common,
  id: "addPort",
  method: "POST",
  path: `${path}/add`,
  access: "user",
  summary: "Let others come to a port of a sandbox",
  description: "Answers all of its ports. Nothing needs to listen there yet.",
  body: AddPort,
  errors: ["SandboxNotFound", "PortExists", ...tcpErrors],
});

export const removePort = endpoint({
  ...common,
  id: "removePort",
  method: "POST",
  path: `${path}/remove`,
  access: "user",
  summary: "Close a port of a sandbox",
  description:
    "Its URL answers nothing more from then on, and connections that are open are closed. Answers the ports that are left.",
  body: PortRef,
  errors: ["SandboxNotFound", "PortNotFound"],
});

export const replacePorts = endpoint({
  ...common,
  id: "replacePorts",
  method: "PUT",
  path,
  access: "user",
  summary: "Replace all ports of a sandbox",
  body: z.strictObject({ ports: PortList }),
  errors: ["SandboxNotFound", ...tcpErrors],
});

export const changePort = endpoint({
  ...common,
  id: "changePort",
  method: "PATCH",
  path,
  access: "user",
  summary: "Change a port of a sandbox",
  description: "What is left out stays, null takes away what was set.",
  body: ChangePort,
  errors: ["SandboxNotFound", "PortNotFound", ...tcpErrors],
  isIdempotent: true,
});

export const linkPort = endpoint({
  id: "linkPort",
  method: "POST",
  path: `${path}/link`,
  access: "user",
  summary: "Make a link with which anybody can come to a port, for a while",
  description:
    "A browser that follows it gets a cookie in its place, of the preview's host alone and for as long. It ends with its time, or when a port of the sandbox is removed: this one or another.",
  params: SandboxParams,
  query: NoQuery,
  body: z.strictObject({
    port: AddPort.shape.port,
    /** Default 3600; at most a week. */
    expiresInSeconds: z.int().min(1).max(604_800).optional(),
  }),
  result: PreviewLink,
  errors: ["SandboxNotFound", "PortNotFound", "PreviewsOff"],
});

/** Besides messages of bytes. */
export const PortSend = z.strictObject({ type: z.literal("end") }).meta({ id: "PortSend" });

/** Besides messages of bytes: connected comes first. */
export const PortReceive = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("connected") }),
    z.object({ type: z.literal("end") }),
    z.object({ type: z.literal("error"), problem: Problem }),
  ])
  .meta({ id: "PortReceive" });

export type PortReceive = z.infer<typeof PortReceive>;

export const connectPort = endpoint({
  id: "connectPort",
  method: "GET",
  path: `${path}/:port/connect`,
  access: "user",
  summary: "Connect to TCP on a port of a sandbox, whether it is open to others or not",
  description:
    "A WebSocket: messages of bytes in both directions. The first one, a text `connected`, says that it is there, and a text `end` that its direction has ended; when both have, the WebSocket is closed. A sandbox that sleeps is woken.",
  params: SandboxParams.extend({ port: wholeNumber(1, 65_535) }),
  query: NoQuery,
  body: "none",
  result: "none",
  status: 101,
  stream: {
    send: PortSend,
    receive: PortReceive,
  },
  errors: ["SandboxNotFound", ...wakeErrors, "PortRefused", "PortReset", "PortTimedOut", "GuestUnresponsive"],
});
