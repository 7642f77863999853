import { expect, test } from "vitest";
import { resolveSettings, type SettingSources, settingTable } from "./settings.js";

const contexts = {
  work: { url: "https://work.example.com", apiKey: "work-key", fingerprint: "ab", group: "team" },
  play: { group: "games" },
};
const none: SettingSources = { flags: {}, environment: {}, currentContext: undefined, contexts };
const at = (changes: Partial<SettingSources>) => resolveSettings({ ...none, ...changes });

test.each<[string, Partial<SettingSources>, string, string]>([
  ["nothing: the default", {}, "default", "default"],
  ["the file", { currentContext: "work" }, "team", "context work"],
  [
    "a variable over the file",
    { currentContext: "work", environment: { ALCOVE_GROUP: "v" } },
    "v",
    "variable ALCOVE_GROUP",
  ],
  ["an empty variable is none", { currentContext: "work", environment: { ALCOVE_GROUP: "" } }, "team", "context work"],
  [
    "a flag over both",
    { currentContext: "work", environment: { ALCOVE_GROUP: "v" }, flags: { group: "f" } },
    "f",
    "flag --group",
  ],
  [
    "a variable's context",
    { currentContext: "work", environment: { ALCOVE_CONTEXT: "play" } },
    "games",
    "context play",
  ],
  [
    "a flag's context over variables",
    { environment: { ALCOVE_GROUP: "v" }, flags: { context: "play" } },
    "games",
    "context play",
  ],
  ["a flag over a flag's context", { flags: { group: "f", context: "play" } }, "f", "flag --group"],
])("the group by %s", (_name, changes, value, source) => {
  expect(at(changes).group).toEqual({ value, source });
});

test("a token of an identity, longer than our own keys, may be the key", () => {
  expect(settingTable.apiKey.wrong(`eyJ.${"a".repeat(4_000)}.sig`)).toBeUndefined();
  expect(settingTable.apiKey.wrong("a".repeat(8_193))).toContain("at most 8,192 characters");
});

test("what a flag's context leaves open comes from the environment", () => {
  const { output } = at({ environment: { ALCOVE_OUTPUT: "json" }, flags: { context: "play" } });
  expect(output).toEqual({ value: "json", source: "variable ALCOVE_OUTPUT" });
});

test("the server is ALCOVE_URL, else ALCOVE_SOCKET, else the context's", () => {
  const environment = { ALCOVE_URL: "https://url.example.com", ALCOVE_SOCKET: "/run/a.sock" };
  expect(at({ environment, currentContext: "work" }).url.value).toBe("https://url.example.com");
  const { url } = at({ environment: { ALCOVE_SOCKET: "/run/a.sock" }, currentContext: "work" });
  expect(url).toEqual({ value: "unix:///run/a.sock", source: "variable ALCOVE_SOCKET" });
  expect(at({ currentContext: "work" }).url.source).toBe("context work");
});

test("a context's key and trust go to its own server alone", () => {
  expect(at({ currentContext: "work" }).apiKey.value).toBe("work-key");
  for (const elsewhere of [
    { flags: { url: "https://evil.example.com" } },
    { environment: { ALCOVE_URL: "https://evil.example.com" } },
    { environment: { ALCOVE_SOCKET: "/tmp/evil.sock" } },
  ]) {
    const { apiKey, fingerprint, group } = at({ currentContext: "work", ...elsewhere });
    expect([apiKey.value, fingerprint.value]).toEqual([undefined, undefined]);
    expect(group.value).toBe("team");
  }
  const same = at({ currentContext: "work", flags: { url: "https://work.example.com" } });
  expect(same.apiKey.value).toBe("work-key");
  const given = at({ flags: { url: "https://other.example.com" }, environment: { ALCOVE_API_KEY: "mine" } });
  expect(given.apiKey.value).toBe("mine");
});

test("names that every object knows are no contexts", () => {
  expect(at({ currentContext: "constructor" }).url.value).toBeUndefined();
});
