import { EgressPolicy } from "@alcove/contract";
import { expect, test } from "vitest";
import { compileEgress } from "./compile.js";
import { decide } from "./decide.js";
import type { EgressQuestion } from "./verdict.js";

const action = (type: "Allow" | "Deny") => ({ type });
const rule = (name: string, match: object, verdict: object = action("Allow")) => ({ name, match, action: verdict });
const compiled = (policy: object) => compileEgress(EgressPolicy.parse({ defaultAction: "Deny", ...policy }));
const rules = (...each: object[]) => compiled({ rules: each });
const get = (url: string): EgressQuestion => {
  const { hostname, port, protocol, pathname } = new URL(url);
  const scheme = protocol === "http:" ? "http" : "https";
  const portNumber = port === "" ? (scheme === "http" ? 80 : 443) : Number(port);
  return { host: hostname.replace(/^\[|\]$/g, ""), port: portNumber, scheme, method: "GET", path: pathname };
};
const unseen = { host: "example.com", port: 443, scheme: "https" } as const;

test("the first rule that matches decides, then hostRules, then the default", () => {
  const policy = compiled({
    rules: [
      rule("no-admin", { host: "example.com", path: "/admin/**" }, action("Deny")),
      rule("example", { host: "*.example.com" }),
    ],
    hostRules: [
      { pattern: "example.*", action: "Deny" },
      { pattern: "example.org", action: "Allow" },
      { pattern: "other.org", action: "Allow" },
    ],
  });
  expect(decide(policy, get("https://example.com/admin/x"))).toMatchObject({ isDenied: true, rule: "no-admin" });
  expect(decide(policy, get("https://example.com/x"))).toMatchObject({ isDenied: false, rule: "example" });
  expect(decide(policy, get("https://example.org/"))).toMatchObject({ isDenied: true, rule: "hostRules[0]" });
  expect(decide(policy, get("https://other.org/"))).toMatchObject({ isDenied: false, rule: "hostRules[2]" });
  expect(decide(policy, get("https://elsewhere.org/"))).toEqual({
    action: { type: "Deny" },
    rule: "default",
    reason: "no rule allows it, and the default is Deny",
    isDenied: true,
  });
});

test("a rule that names no scheme is for https alone, unless it denies", () => {
  const policy = compiled({
    defaultAction: "Allow",
    rules: [rule("b", { host: "b.test" }, action("Deny")), rule("a", { host: "a.test" })],
    hostRules: [{ pattern: "*", action: "Deny" }],
  });
  const by = (host: string) =>
    (["http", "https", "tcp"] as const).map((scheme) => decide(policy, { host, port: 443, scheme }).rule);
  expect(by("a.test")).toEqual(["hostRules[0]", "a", "hostRules[0]"]);
  expect(by("b.test")).toEqual(["b", "b", "b"]);
});

test("hostRules allow https alone", () => {
  const policy = compiled({ hostRules: [{ pattern: "a.test", action: "Allow" }] });
  expect(
    (["http", "https", "tcp"] as const).map((scheme) => decide(policy, { host: "a.test", port: 80, scheme }).isDenied),
  ).toEqual([true, false, true]);
});

test("ports and methods are those that are named, and all where none is", () => {
  const policy = rules(
    rule("some", { host: "a.test", ports: [443], methods: ["GET"] }),
    rule("all", { host: "b.test" }),
  );
  const asked = get("https://a.test/");
  expect(decide(policy, asked).isDenied).toBe(false);
  expect(decide(policy, { ...asked, port: 8443 }).isDenied).toBe(true);
  expect(decide(policy, { ...asked, method: "POST" }).isDenied).toBe(true);
  expect(decide(policy, { ...asked, host: "b.test", port: 8443, method: "POST" }).isDenied).toBe(false);
});

test.each([
  ["/public/x", false],
  ["/public", false],
  ["/public/a/../b", false],
  ["/private/../public/x", true],
  ["/private/%2e%2e/public/x", true],
  ["/private%2f..%2fpublic/x", true],
  ["/private\\..\\public/x", true],
  ["/public/../private", true],
  ["/public/..%2fprivate", true],
  ["/public/%252e%252e/private", true],
  ["/public/..;/private", true],
  ["/public%2Fx", false],
  ["//public//x", false],
  ["/public/%zz", true],
  ["/public/%00", true],
  ["/public/../secret/%2e%2e/public/x", true],
  ["/public/../secret//../public/x", true],
  ["/public%2fa/../../x", true],
  ["/publicity", true],
  ["/?/public/x", true],
])("where /public/** is allowed, %s is denied: %s", (path, isDenied) => {
  const policy = rules(rule("public", { host: "a.test", path: "/public/**" }));
  expect(decide(policy, { ...get("https://a.test/"), path })).toMatchObject({ isDenied });
});

test.each([
  ["/admin", true],
  ["/admin/x", true],
  ["/%61dmin/x", true],
  ["/x/../admin", true],
  ["/admin/../x", true],
  ["/x//../admin/", true],
  ["/x//..//../admin", true],
  ["/admin;v=1/x", true],
  ["/admin%3bv=1", true],
  ["/admin%3fx/y", true],
  ["/admin%2523x/y", true],
  ["/%2561dmin", true],
  ["/x/..;/../admin", true],
  ["/x/%2e%2e/y", true],
  ["/x/%zz", true],
  ["/x/%c0%af", true],
  ["/x", false],
  ["/x/../y", false],
  ["/administrators", false],
])("where /admin/** is denied and the rest allowed, %s is denied: %s", (path, isDenied) => {
  const policy = compiled({
    defaultAction: "Allow",
    rules: [rule("admin", { host: "a.test", path: "/admin/**" }, action("Deny"))],
  });
  expect(decide(policy, { ...get("https://a.test/"), path })).toMatchObject({ isDenied });
});

test.each([
  "/a/%2e%2e/../admin",
  "/x%2fa/../a/admin",
  "/a/..;/../admin",
  "/a;%2fb/../admin",
  "/a//../admin",
  "/a/b;c/../admin",
])("where /a/admin is denied, %s is denied, since some servers read it so", (path) => {
  const policy = compiled({
    defaultAction: "Allow",
    rules: [rule("admin", { host: "a.test", path: "/a/admin" }, action("Deny"))],
  });
  expect(decide(policy, { ...get("https://a.test/"), path })).toMatchObject({ isDenied: true });
});

test("with normalizePath false the path is compared as it was sent", () => {
  const policy = rules(rule("raw", { host: "a.test", path: "/group%2Fproject/*", normalizePath: false }));
  const verdict = (path: string) => decide(policy, { ...get("https://a.test/"), path }).isDenied;
  expect(verdict("/group%2Fproject/x?y")).toBe(false);
  expect(verdict("/group%2fproject/x")).toBe(true);
  expect(verdict("/group/project/x")).toBe(true);
  expect(verdict("/group%2Fproject/..")).toBe(false);
});

test("a method in lower case is one that a denial has to expect, and no allowance", () => {
  const asked = { ...get("https://a.test/"), method: "post" };
  const denies = compiled({
    defaultAction: "Allow",
    rules: [rule("no-post", { host: "*", methods: ["POST"] }, action("Deny"))],
  });
  expect(decide(denies, asked)).toMatchObject({ isDenied: true, rule: "no-post" });
  expect(decide(rules(rule("post", { host: "*", methods: ["POST"] })), asked).isDenied).toBe(true);
});

test("unseen requests are denied by what may deny them, and allowed by nothing that only may", () => {
  const policy = rules(
    rule("some", { host: "example.com", path: "/a" }),
    rule("not-some", { host: "example.com", methods: ["POST"] }, action("Deny")),
    rule("all", { host: "example.com" }),
  );
  expect(decide(policy, unseen)).toMatchObject({
    isDenied: true,
    rule: "not-some",
    reason: 'rule "not-some" may deny it: the method is not known, since nobody looks into this connection',
  });
  const without = rules(rule("some", { host: "example.com", path: "/a" }), rule("all", { host: "example.com" }));
  expect(decide(without, unseen)).toMatchObject({ isDenied: false, rule: "all" });
});

test("a denied path also denies what hides its HTTP from us", () => {
  const policy = compiled({
    defaultAction: "Allow",
    rules: [rule("admin", { host: "a.test", path: "/admin/**" }, action("Deny"))],
  });
  expect(decide(policy, { host: "a.test", port: 80, scheme: "tcp" })).toMatchObject({ isDenied: true, rule: "admin" });
  expect(decide(policy, { host: "b.test", port: 80, scheme: "tcp" }).isDenied).toBe(false);
});

test("Transform and Rewrite are actions of requests; a connection that nobody looks into is denied by them", () => {
  const headers = [{ operation: "Set", name: "Authorization", value: "Bearer x" }];
  const policy = rules(
    rule("auth", { host: "a.test" }, { type: "Transform", headers }),
    rule("move", { host: "b.test", scheme: "any" }, { type: "Rewrite", host: "c.test" }),
  );
  expect(decide(policy, get("https://a.test/"))).toMatchObject({
    isDenied: false,
    action: { type: "Transform", headers },
  });
  expect(decide(policy, get("http://b.test/"))).toMatchObject({
    isDenied: false,
    action: { type: "Rewrite", host: "c.test" },
  });
  expect(decide(policy, { ...unseen, host: "a.test" })).toMatchObject({ isDenied: true, rule: "auth" });
  expect(decide(policy, { host: "b.test", port: 22, scheme: "tcp" })).toMatchObject({
    isDenied: true,
    rule: "default",
  });
});

test("with Full inspection what is neither TLS nor HTTP needs a rule that says so", () => {
  const tcp = { host: "a.test", port: 22, scheme: "tcp" } as const;
  const full = { defaultAction: "Allow", trafficInspection: "Full" };
  expect(decide(compiled(full), tcp).isDenied).toBe(true);
  expect(decide(compiled({ ...full, rules: [rule("ssh", { host: "a.test", scheme: "tcp" })] }), tcp).isDenied).toBe(
    false,
  );
  expect(decide(compiled({ defaultAction: "Allow" }), tcp).isDenied).toBe(false);
});

test("transport rules decide on addresses before everything else, and on names not at all", () => {
  const policy = compiled({
    defaultAction: "Allow",
    rules: [rule("ten", { host: "10.0.0.1" }, action("Deny"))],
    transportRules: {
      rules: [
        { action: "Allow", protocol: "Tcp", destination: "10.0.0.0/24", port: 443 },
        { action: "Deny", protocol: "Tcp", destination: "10.0.0.0/8" },
        { action: "Deny", protocol: "Tcp", destination: "2001:db8::/32", port: null },
      ],
    },
  });
  const by = (url: string) => decide(policy, get(url)).rule;
  expect(by("https://10.0.0.1/")).toBe("transportRules[0]");
  expect(by("http://10.0.0.1/")).toBe("transportRules[1]");
  expect(by("https://10.1.0.1/")).toBe("transportRules[1]");
  expect(by("https://[2001:db8::5]/")).toBe("transportRules[2]");
  expect(by("https://[2001:db9::5]/")).toBe("default");
  expect(by("https://a.test/")).toBe("default");
});

test("globs of names match no address; the address itself and * do", () => {
  const isDenied = (host: string) => decide(rules(rule("it", { host })), get("https://10.0.0.1/")).isDenied;
  expect(["*.*", "?*", "*.*.*.*"].map(isDenied)).toEqual([true, true, true]);
  expect(["10.0.0.1", "0xa.0.0.1", "167772161", "::ffff:10.0.0.1", "*"].map(isDenied)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

test.each(["Example.com", "example.com.", "[::1]", "exa mple.com", "", "a..b", "é.com", "a.com/", "a.com:443"])(
  "%j is not in normal form, and denied whatever the policy",
  (host) => {
    const policy = compiled({ defaultAction: "Allow" });
    expect(decide(policy, { host, port: 443, scheme: "https" })).toMatchObject({ isDenied: true });
  },
);

test("patterns with other letters are compared in punycode", () => {
  const policy = rules(rule("books", { host: "*.Bücher.example" }));
  expect(decide(policy, get("https://www.bücher.example/")).isDenied).toBe(false);
  expect(decide(policy, get("https://xn--bcher-kva.example/")).isDenied).toBe(false);
});
