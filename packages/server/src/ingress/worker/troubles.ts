/** The troubles that there are on the way to a program, in words for who comes. */
import { AlcoveError } from "@alcove/contract";
import { Unreachable } from "./daemon.js";
import type { Trouble } from "./page.js";
import { TwoValues } from "./two-values.js";

export const nothingHere: Trouble = {
  status: 404,
  title: "There is no preview here",
  detail: "No sandbox has this port open.",
  hint: "It may have been removed, or its sandbox deleted. Its owner sees the addresses that there are in the sandbox's ports.",
};

export const wrongRequest = (detail: string): Trouble => ({
  status: 400,
  title: "The request is not valid",
  detail,
  hint: "A browser, or a client that keeps to HTTP/1.1, does not send it.",
});

export const notFromThere = (address: string): Trouble => ({
  status: 403,
  title: "Not from there",
  detail: `This preview may not be opened from ${address}.`,
  hint: "Its owner says with ipAccessControl from which addresses it may.",
});

export const notKnown: Trouble = {
  status: 401,
  title: "This preview is not open to everybody",
  detail: "Whoever comes needs a link that is valid, or a key.",
  hint: "Ask its owner for a link. Programs send a key as `x-alcove-key: KEY`.",
  headers: { "www-authenticate": 'Bearer realm="alcove preview"' },
};

export const linkEnded: Trouble = {
  ...notKnown,
  title: "This link has ended",
  detail: "It was made for a while, and that is over.",
  hint: "Ask whom you have it from for a new one. Its owner makes one with `alcove port link SANDBOX PORT`, for up to a week.",
};

export const notFromThatPage: Trouble = {
  status: 403,
  title: "Not from that page",
  detail: "A page of another origin asks, and the cookie of this preview does not count for it.",
  hint: "Its owner names the origins of such pages in allowOrigins of the port's cors.",
};

const brokenTitle = "The program did not answer as HTTP";

/** What became of a request to the program on the port. */
export function troubleOf(error: unknown, port: number): Trouble {
  if (error instanceof Unreachable) return ofFault(error.fault, port);
  if (error instanceof AlcoveError) return ofFault({ ...error, message: error.message, hint: error.hint }, port);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (error instanceof TwoValues)
    return {
      status: 502,
      title: brokenTitle,
      detail: `What came from port ${port} has two values of ${error.header}: HTTP/2 takes one.`,
      hint: "Let the program say it once.",
    };
  const lookAt = "Look at its output: `alcove logs SANDBOX`.";
  if (code === "ETIMEDOUT")
    return {
      status: 504,
      title: "The program does not answer",
      detail: `It took the request on port ${port}, and said nothing in time.`,
      hint: lookAt,
    };
  if (code.startsWith("HPE_"))
    return {
      status: 502,
      title: brokenTitle,
      detail: `What came from port ${port} is no answer in HTTP/1.1.`,
      hint: `Is it the right port? ${lookAt}`,
    };
  return {
    status: 502,
    title: "The program hung up",
    detail: `The connection to port ${port} ended before an answer was there.`,
    hint: lookAt,
  };
}

interface Fault {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

function ofFault({ status, code, message, hint }: Fault, port: number): Trouble {
  if (code === "PortRefused")
    return {
      status,
      title: `Nothing listens on port ${port}`,
      detail: "The sandbox runs, and no program in it takes connections on this port.",
      hint: "Start it, or wait until it has started and load the page again. It may listen on any address of the sandbox, 127.0.0.1 too.",
    };
  if (code === "PortNotFound") return nothingHere;
  const title = code === "SandboxNotRunning" ? "The sandbox does not run" : "The sandbox cannot be reached";
  return { status: status >= 500 ? status : 503, title, detail: message, hint };
}
