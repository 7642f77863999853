/** What a request is refused with: a text that says who refused it, why, and what to do. */
import { printable } from "../../lib/printable.js";
import type { AnswerHead } from "../message/answer-head.js";
import type { HeaderList } from "../message/header-list.js";

export interface Refusal {
  readonly status: number;
  /** What decisions name: a rule of the policy, or what is checked here. */
  readonly rule: string;
  /** Half a sentence, without a full stop: decisions have it as it is. */
  readonly reason: string;
  /** More of it, for decisions alone. */
  readonly detail?: string;
  /** What to do about it, a sentence. */
  readonly hint?: string;
}

export interface Refused extends AnswerHead {
  readonly body: Buffer;
}

/** `asked` is method and URL, where they are known. */
export function refused(refusal: Refusal, asked: string | undefined): Refused {
  const { status, rule, reason, hint } = refusal;
  const what = printable(asked ?? "a request", 400);
  const verb = isFailure(status) ? "could not forward" : "denied";
  const isOfThePolicy = (status === 403 && hint === undefined) || isFailure(status);
  const because = status === 403 && hint === undefined ? policyHint : (hint ?? "");
  const sentences = [`Alcove ${verb} ${what} by rule "${rule}": ${printable(reason, 600)}.`, because];
  const body = Buffer.from(`${sentences.filter((text) => text !== "").join("\n")}\n`, "utf8");
  const headers: HeaderList = [
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Length", String(body.length)],
    ["Cache-Control", "no-store"],
    ["X-Alcove-Rule", printable(rule, 200)],
  ];
  return { status, reason: words[status] ?? "", headers, isLast: !isOfThePolicy, body };
}

/** The head and the body in one piece, for where HTTP/1's own machinery is gone. */
export function refusalBytes({ status, reason, headers, body }: Refused): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines}Connection: close\r\n\r\n`, "utf8"),
    body,
  ]);
}

const policyHint =
  "The sandbox's egress policy would have to allow it. `alcove egress test SANDBOX URL` explains which rule decides, and why.";

function isFailure(status: number): boolean {
  return status >= 500;
}

const words: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  502: "Bad Gateway",
  503: "Service Unavailable",
};
