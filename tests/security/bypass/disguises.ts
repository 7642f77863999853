/**
 * HTTP and TLS that do not begin as such, where what is neither may go through: all is allowed but a path, and that only in requests that are seen
 * to be some.
 */
import { type Attempt, type Ground, request, type Step, send } from "./attempt.js";
import { clientHello, records } from "./client-hello-bytes.js";

export function disguiseAttempts(ground: Ground): Attempt[] {
  return [...http(ground), ...tlsBehind(ground)];
}

const longerThanLookedAt = 2_000;
const longerThanPatienceMs = 10_500;

function http({ http: port }: Ground): Attempt[] {
  const hidden = (token: string) => request(`GET /private/${token}`, `Host: good.test:${port}`);
  const begins: Record<string, (token: string) => readonly Step[]> = {
    "as it is": (token) => [send(hidden(token))],
    "behind an empty line": (token) => [send(`\r\n${hidden(token)}`)],
    "behind a thousand empty lines": (token) => [send("\r\n".repeat(longerThanLookedAt / 2) + hidden(token))],
    "behind empty lines, each by itself": (token) => [
      ...Array.from({ length: 8 }, () => [send("\r\n"), { pauseMs: 100 }]).flat(),
      send(hidden(token)),
    ],
    "byte by byte": (token) => [...hidden(token)].map((byte) => send(byte)),
    "after a silence": (token) => [{ pauseMs: 700 }, send(hidden(token))],
    "after a silence, in two pieces": (token) => [
      { pauseMs: 700 },
      send(hidden(token).slice(0, 2)),
      { pauseMs: 400 },
      send(hidden(token).slice(2)),
    ],
    "by a method of one's own": (token) => [send(hidden(token).replace("GET", "FETCHING"))],
    "by a method of one's own and a long line": (token) => [
      send(
        hidden(token)
          .replace("GET", "FETCHING")
          .replace(" HTTP", `?${"x".repeat(longerThanLookedAt)} HTTP`),
      ),
    ],
    "by a method of one's own, in two pieces": (token) => [
      send(`FETCHING /private/${token}`),
      { pauseMs: 100 },
      send(hidden("").slice("GET /private/".length)),
    ],
    "with a long pause in its method": (token) => [
      send(hidden(token).slice(0, 2)),
      { pauseMs: longerThanPatienceMs },
      send(hidden(token).slice(2)),
    ],
  };
  return Object.entries(begins).map(
    ([how, steps]): Attempt => ({
      name: `plain HTTP ${how}`,
      under: "seen",
      control: "direct",
      steps: (token) => [{ connect: { host: "good.test", port } }, ...steps(token)],
    }),
  );
}

function tlsBehind({ https: port }: Ground): Attempt[] {
  const inside = (token: string): readonly Step[] => [
    { tls: { name: "good.test", protocols: ["http/1.1"] } },
    send(request(`GET /private/${token}`, `Host: good.test:${port}`)),
  ];
  const begins: Record<string, readonly Step[]> = {
    "as it is": [],
    "after a silence": [{ pauseMs: 700 }],
    "behind an empty record": [send(Buffer.from([22, 3, 1, 0, 0]))],
  };
  const slow: Attempt = {
    name: "TLS with a long pause in its ClientHello",
    under: "seen",
    control: "direct",
    steps: (token) => {
      const hello = records(clientHello({ names: ["good.test"], protocols: [token] }));
      return [
        { connect: { host: "good.test", port } },
        send(hello.subarray(0, 3)),
        { pauseMs: longerThanPatienceMs },
        send(hello.subarray(3)),
      ];
    },
  };
  const others = Object.entries(begins).map(
    ([how, before]): Attempt => ({
      name: `TLS ${how}`,
      under: "seen",
      control: "direct",
      steps: (token) => [{ connect: { host: "good.test", port } }, ...before, ...inside(token)],
    }),
  );
  return [...others, slow];
}
