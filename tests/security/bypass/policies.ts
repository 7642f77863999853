/** The policies that attempts are made under. */
import type { EgressPolicy } from "@alcove/contract";
import type { Ground, PolicyTried } from "./attempt.js";

const loopback = { action: "Allow", protocol: "Tcp", destination: "127.0.0.1/32" } as const;

/** Nothing is denied that a policy can deny, and every canary may be reached. */
export function allAllowed({ own4, own6 }: Ground): EgressPolicy {
  const ranges = [...(own4 === undefined ? [] : [`${own4}/32`]), ...(own6 === undefined ? [] : [`${own6}/128`])];
  return {
    defaultAction: "Allow",
    enforcementMode: "Audit",
    transportRules: { rules: [loopback, ...ranges.map((destination) => ({ ...loopback, destination }))] },
  };
}

export function policiesTried({ https }: Ground): Record<PolicyTried, EgressPolicy> {
  return {
    public: {
      defaultAction: "Deny",
      rules: [
        {
          name: "public",
          match: { host: "good.test", path: "/public/**", methods: ["GET"], scheme: "https", ports: [https] },
          action: { type: "Allow" },
        },
      ],
      hostRules: [{ pattern: "pass.test", action: "Allow" }],
      transportRules: { rules: [loopback] },
    },
    open: { defaultAction: "Allow" },
    closed: {
      defaultAction: "Allow",
      rules: [{ name: "private", match: { host: "good.test", path: "/private/**" }, action: { type: "Deny" } }],
      transportRules: { rules: [loopback] },
    },
    seen: {
      defaultAction: "Allow",
      rules: (["http", "https"] as const).map((scheme) => ({
        name: scheme,
        match: { host: "good.test", path: "/private/**", scheme },
        action: { type: "Deny" },
      })),
      transportRules: { rules: [loopback] },
    },
  };
}

/** Where names are, in place of what a resolver would say. */
export function overridesOf({ own4, own6 }: Ground): Record<string, string> {
  const here = ["good.test", "pass.test", "evil.test", "sub.good.test", "test", "notgood.test", "good.test.evil.test"];
  const others = ["xn--ood-8tb.test", "metadata.google.internal", "loop.test"];
  return {
    ...Object.fromEntries([...here, ...others].map((name) => [name, "127.0.0.1"])),
    ...(own4 !== undefined && { "own4.test": own4 }),
    ...(own6 !== undefined && { "own6.test": own6 }),
  };
}

/** As public, and opaque bytes to its host. */
export function withOpaque(ground: Ground): EgressPolicy {
  const { rules = [], ...rest } = policiesTried(ground).public;
  const match = { host: "good.test", scheme: "tcp" as const, ports: [ground.raw] };
  return { ...rest, rules: [...rules, { name: "opaque", match, action: { type: "Allow" } }] };
}

/** Nothing of that any more, but the same host all the same. */
export const tightened: EgressPolicy = {
  defaultAction: "Deny",
  rules: [{ name: "elsewhere", match: { host: "good.test", path: "/elsewhere/**" }, action: { type: "Allow" } }],
  transportRules: { rules: [loopback] },
};
