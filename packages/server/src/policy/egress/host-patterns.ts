/** Hosts that something is for, outside of rules: patterns as rules have them. */
import { readHostPattern } from "@alcove/contract";
import { compileGlobs, hostGlobs, hostSyntax } from "./glob.js";
import { hasHost } from "./rule-match.js";

/** Asked with hosts in normal form. What is no pattern matches nothing. */
export function compileHosts(patterns: readonly string[]): (host: string) => boolean {
  const compiled = patterns.flatMap((text) => {
    const read = readHostPattern(text);
    if ("message" in read) return [];
    return [{ host: read.pattern, matchesHost: compileGlobs(hostGlobs(read.pattern), hostSyntax) }];
  });
  return (host) => compiled.some((pattern) => hasHost(pattern, host));
}
