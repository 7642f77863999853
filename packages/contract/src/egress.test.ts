import { expect, test } from "vitest";
import { EgressPolicy } from "./egress.js";
import { AdobeEgress, fromAdobe } from "./egress-adobe.js";

const rule = (change: object = {}, action: object = { type: "Allow" }, match: object = {}) => ({
  defaultAction: "Deny",
  rules: [{ name: "one", match: { host: "a.test", ...match }, action, ...change }],
});
const matching = (match: object, type = "Allow") => rule({}, { type }, match);
const setting = (name: string, value = "x", match: object = {}) =>
  rule({}, { type: "Transform", headers: [{ operation: "Set", name, value }] }, match);
const rewriting = (changes: object, match: object = {}) => rule({}, { type: "Rewrite", ...changes }, match);
const secretRef = { secretId: "github", secretKey: "token", format: "Bearer {value}" };
const putting = (match: object = {}, valueRef: object = { secretRef }) =>
  rule({}, { type: "Transform", headers: [{ operation: "Set", name: "X-Any", valueRef }] }, match);
const asking = (hook: object = {}, match: object = {}) =>
  rule({ action: undefined, hookRef: { endpoint: "https://ask.test/x", ...hook } }, {}, match);
const authHeader = (change: object) => ({ authHeaders: [{ operation: "Set", name: "X-Any", ...change }] });
const transport = (destination: string, more: object = {}) => ({
  defaultAction: "Deny",
  transportRules: { rules: [{ action: "Allow", protocol: "Tcp", destination, ...more }] },
});

test.each([
  [{ defaultAction: "Deny" }],
  [{ defaultAction: "Allow", trafficInspection: "Partial", enforcementMode: "Audit" }],
  [
    matching({
      path: "/a/**",
      methods: ["GET", "VERSION-CONTROL"],
      scheme: "https",
      ports: [443],
      normalizePath: true,
    }),
  ],
  [matching({ path: "/a%2F//../x", normalizePath: false })],
  [matching({ path: "/é/100%" })],
  [matching({ host: "*.Bücher.example" })],
  [matching({ host: "[2001:db8::1]" })],
  [setting("Authorization", "Bearer x y")],
  [setting("X-Empty", "")],
  [setting("X-Trace", "x", { scheme: "http" })],
  [rule({}, { type: "Transform", headers: [{ operation: "Remove", name: "Cookie" }] }, { scheme: "any" })],
  [
    rewriting(
      { scheme: "https", host: "b.test", path: "/x", headers: [{ operation: "Insert", name: "Cookie", value: "x" }] },
      { scheme: "http" },
    ),
  ],
  [putting()],
  [putting({}, { managedIdentityRef: { resource: "https://vault.test" } })],
  [
    rewriting(
      { scheme: "https", headers: [{ operation: "Set", name: "X-Any", valueRef: { secretRef } }] },
      { scheme: "http" },
    ),
  ],
  [asking()],
  [asking({ ...authHeader({ valueRef: { secretRef } }), failBehavior: "Allow", timeoutMs: 100 }, { scheme: "any" })],
  [asking({ endpoint: "http://10.0.0.1:8080/x", ...authHeader({ value: "x" }) })],
  [transport("10.0.0.0/8")],
  [transport("::/0", { port: null })],
  [{ ...setting("X-A", "x", { scheme: "http" }), trafficInspection: "None" }],
])("%j is taken", (policy) => {
  expect(EgressPolicy.safeParse(policy)).toMatchObject({ success: true });
});

test.each([
  [{}, "defaultAction"],
  [{ defaultAction: "Deny", secrets: [] }, ""],
  [matching({ database: "x" }), "rules.0.match"],
  [rule({}, { type: "Allow", hookRef: {} }), "rules.0.action"],
  [rule({}, { type: "Forward" }), "rules.0.action.type"],
  [rule({}, { type: "Transform" }), "rules.0.action.headers"],
  [rule({}, { type: "Transform", headers: [] }), "rules.0.action.headers"],
  [
    rule({}, { type: "Transform", headers: [{ operation: "Remove", name: "X", value: "x" }] }),
    "rules.0.action.headers.0",
  ],
  [rule({}, { type: "Transform", headers: [{ operation: "Set", name: "X" }] }), "rules.0.action.headers.0.value"],
  [putting({ scheme: "http" }), "rules.0.action.headers.0.valueRef"],
  [putting({ scheme: "any" }), "rules.0.action.headers.0.valueRef"],
  [
    rewriting({ scheme: "http", headers: [{ operation: "Insert", name: "X", valueRef: { secretRef } }] }),
    "rules.0.action.headers.0.valueRef",
  ],
  [putting({}, { secretRef, managedIdentityRef: { resource: "x" } }), "rules.0.action.headers.0.valueRef"],
  [
    putting({}, { secretRef: { ...secretRef, format: "{value}{value}" } }),
    "rules.0.action.headers.0.valueRef.secretRef.format",
  ],
  [{ ...putting(), trafficInspection: "None" }, "trafficInspection"],
  [asking({}, { scheme: "tcp" }), "rules.0.match.scheme"],
  [{ ...asking(), trafficInspection: "None" }, "trafficInspection"],
  [asking({ endpoint: "ftp://ask.test/" }), "rules.0.hookRef.endpoint"],
  [asking({ endpoint: "https://user:word@ask.test/" }), "rules.0.hookRef.endpoint"],
  [asking({ timeoutMs: 99 }), "rules.0.hookRef.timeoutMs"],
  [
    asking({ endpoint: "http://ask.test/", ...authHeader({ valueRef: { secretRef } }) }),
    "rules.0.hookRef.authHeaders.0.valueRef",
  ],
  [
    asking({ endpoint: "http://ask.test/", ...authHeader({ name: "X-Api-Key", value: "x" }) }),
    "rules.0.hookRef.authHeaders.0.name",
  ],
  [
    asking({ authHeaders: [{ operation: "Insert", name: "X", value: "x" }] }),
    "rules.0.hookRef.authHeaders.0.operation",
  ],
  [asking(authHeader({ name: "Host", value: "x" })), "rules.0.hookRef.authHeaders.0.name"],
  [matching({ host: "a..b" }), "rules.0.match.host"],
  [matching({ host: "https://a.test" }), "rules.0.match.host"],
  [matching({ host: "a.test:443" }), "rules.0.match.host"],
  [matching({ host: "" }), "rules.0.match.host"],
  [{ defaultAction: "Deny", hostRules: [{ pattern: "a/b", action: "Allow" }] }, "hostRules.0.pattern"],
  [matching({ methods: ["get"] }), "rules.0.match.methods.0"],
  [matching({ methods: [] }), "rules.0.match.methods"],
  [matching({ ports: [0] }), "rules.0.match.ports.0"],
  [matching({ ports: [] }), "rules.0.match.ports"],
  [matching({ path: "a" }), "rules.0.match.path"],
  [matching({ path: "/a#b" }), "rules.0.match.path"],
  [matching({ path: "/a\n" }), "rules.0.match.path"],
  [matching({ path: "/a//b" }), "rules.0.match.path"],
  [matching({ path: "/a/../b" }), "rules.0.match.path"],
  [matching({ path: "/a/." }), "rules.0.match.path"],
  [matching({ path: "/a/..;/b" }), "rules.0.match.path"],
  [matching({ path: "/a\\b" }), "rules.0.match.path"],
  [matching({ path: "/a%2fb" }), "rules.0.match.path"],
  [matching({ scheme: "tcp", path: "/a" }), "rules.0.match.path"],
  [matching({ scheme: "tcp", methods: ["GET"] }), "rules.0.match.methods"],
  [transport("10.0.0.1/8"), "transportRules.rules.0.destination"],
  [transport("10.0.0.0/8", { protocol: "Udp" }), "transportRules.rules.0.protocol"],
  [transport("10.0.0.0/8", { port: 65_536 }), "transportRules.rules.0.port"],
  [{ defaultAction: "Deny", trafficInspection: "Partial" }, "trafficInspection"],
  [{ ...matching({ path: "/a" }), trafficInspection: "None" }, "trafficInspection"],
  [{ ...matching({ methods: ["GET"], scheme: "any" }), trafficInspection: "None" }, "trafficInspection"],
  [{ ...matching({ path: "/a" }, "Deny"), trafficInspection: "None" }, "trafficInspection"],
  [{ ...setting("X-A"), trafficInspection: "None" }, "trafficInspection"],
  [{ ...rewriting({ path: "/a" }), trafficInspection: "None" }, "trafficInspection"],
  [setting("X-A", "x", { scheme: "tcp" }), "rules.0.match.scheme"],
  [rewriting({ path: "/a" }, { scheme: "tcp" }), "rules.0.match.scheme"],
  [rewriting({}), "rules.0.action"],
  [rewriting({ host: "*.a.test" }), "rules.0.action.host"],
  [rewriting({ host: "a.test:443" }), "rules.0.action.host"],
  [rewriting({ path: "a" }), "rules.0.action.path"],
  [rewriting({ path: "/a?b" }), "rules.0.action.path"],
  [rewriting({ path: "/a b" }), "rules.0.action.path"],
  [setting("X A"), "rules.0.action.headers.0.name"],
  [setting("X:"), "rules.0.action.headers.0.name"],
  [setting(":path"), "rules.0.action.headers.0.name"],
  [setting("X", "a\r\nb: c"), "rules.0.action.headers.0.value"],
  [setting("X", "é"), "rules.0.action.headers.0.value"],
  [setting("X", " a"), "rules.0.action.headers.0.value"],
  ...[
    "Host",
    "CONTENT-LENGTH",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "TE",
    "Trailer",
    "Keep-Alive",
    "Proxy-Authorization",
  ].map((name) => [setting(name), "rules.0.action.headers.0.name"] as const),
  ...["Authorization", "Cookie", "X-Api-Key", "PRIVATE-TOKEN", "X-Amz-Security-Token", "api_key"].map(
    (name) => [setting(name, "x", { scheme: "any" }), "rules.0.action.headers.0.name"] as const,
  ),
  [setting("Authorization", "x", { scheme: "http" }), "rules.0.action.headers.0.name"],
  [
    rewriting({ scheme: "http", headers: [{ operation: "Set", name: "Authorization", value: "x" }] }),
    "rules.0.action.headers.0.name",
  ],
  [rule({ name: "default" }), "rules.0.name"],
  [rule({ name: "name-mismatch" }), "rules.0.name"],
  [rule({ name: "bad-certificate" }), "rules.0.name"],
  [rule({ name: "refused-method" }), "rules.0.name"],
  [rule({ name: "tls-failed" }), "rules.0.name"],
  [rule({ name: "unknown-name" }), "rules.0.name"],
  [rule({ name: "hostRules[0]" }), "rules.0.name"],
  [
    {
      defaultAction: "Deny",
      rules: ["a", "b", "a"].map((name) => ({ name, match: { host: "*" }, action: { type: "Deny" } })),
    },
    "rules.2.name",
  ],
] as readonly (readonly [policy: object, field: string])[])("%j is refused at %s", (policy, field) => {
  const parsed = EgressPolicy.safeParse(policy);
  expect(parsed.error?.issues.map(({ path }) => path.join("."))).toEqual([field]);
  const [issue] = parsed.error?.issues ?? [];
  if (issue?.code === "custom")
    expect(issue).toMatchObject({
      message: expect.stringMatching(/^must /),
      params: { hint: expect.stringMatching(/^[A-Z].*\.$/) },
    });
});

test("what Adobe's form allows is what the policy allows", () => {
  const entries = AdobeEgress.parse([
    {
      host: "api.github.com",
      port: 443,
      rules: [{ methods: ["GET"], pathPattern: "/repos/**" }, { pathPattern: "/user" }],
    },
    { host: "pypi.org" },
    { host: "deb.debian.org", port: 80, rules: [] },
    { host: "db.example.com", port: 5432 },
    { host: "proxy.example.com", port: 8443, rules: [{ methods: ["GET"] }] },
  ]);
  const policy = fromAdobe(entries);
  expect(EgressPolicy.parse(policy)).toEqual(policy);
  expect(policy.defaultAction).toBe("Deny");
  expect(policy.rules).toEqual(
    [
      {
        name: "egress-1-1",
        match: { host: "api.github.com", ports: [443], scheme: "https", methods: ["GET"], path: "/repos/**" },
      },
      { name: "egress-1-2", match: { host: "api.github.com", ports: [443], scheme: "https", path: "/user" } },
      { name: "egress-2-1", match: { host: "pypi.org", ports: [443], scheme: "https" } },
      { name: "egress-3-1", match: { host: "deb.debian.org", ports: [80], scheme: "http" } },
      { name: "egress-4-1", match: { host: "db.example.com", ports: [5432], scheme: "any" } },
      { name: "egress-5-1", match: { host: "proxy.example.com", ports: [8443], scheme: "https", methods: ["GET"] } },
    ].map((each) => ({ ...each, action: { type: "Allow" } })),
  );
});

test.each([
  [[{ host: "a..b" }]],
  [[{ host: "a.test", rules: [{ pathPattern: "x" }] }]],
  [[{ host: "a.test", tls: true }]],
])("%j is not Adobe's form", (entries) => {
  expect(AdobeEgress.safeParse(entries).success).toBe(false);
});
