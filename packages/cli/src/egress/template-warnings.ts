/** What `alcove egress test` warns of too: headers of a policy that look as if something were put in. */
import { type EgressPolicy, literalTemplates } from "@alcove/contract";
import { printable } from "../printable.js";
import type { Terminal } from "../terminal.js";

/** Of a policy that was found right. A name says whose it is, where there are several. */
export function warnOfTemplates(terminal: Terminal, policy: EgressPolicy | string | undefined, name?: string): void {
  if (policy === undefined || typeof policy === "string") return;
  const whose = name === undefined ? "" : `${name}: `;
  for (const { message } of literalTemplates(policy)) terminal.say(`warning: ${printable(`${whose}${message}`)}`);
}
